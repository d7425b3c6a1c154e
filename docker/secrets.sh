#!/bin/sh
# Makes the secrets of compose.yml in docker/secrets: random ones, once; what is there stays.
# The folder is closed to other users of this machine; its files can be read in the containers, which run as users of their own.
set -eu
folder=$(dirname "$0")/secrets
mkdir -p "$folder"
chmod 700 "$folder"
umask 022
for name in api_token postgres_password grafana_password; do
  [ -s "$folder/$name" ] && continue
  value=$(LC_ALL=C tr -dc A-Za-z0-9 < /dev/urandom 2>/dev/null | head -c 40)
  printf %s "$value" > "$folder/$name"
  echo "made $folder/$name"
done
# The key of a model server that wants one: empty is none.
[ -e "$folder/llm_api_key" ] || : > "$folder/llm_api_key"
