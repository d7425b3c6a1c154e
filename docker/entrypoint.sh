#!/bin/sh
# Makes settings of secret files (/run/secrets/ANSWERLOOP_API_TOKEN, .../PGPASSWORD), then becomes answerloop.
set -eu
for file in "${SECRETS_DIR:-/run/secrets}"/ANSWERLOOP_* "${SECRETS_DIR:-/run/secrets}"/PGPASSWORD; do
  [ -e "$file" ] || continue
  [ -r "$file" ] && [ ! -s "$file" ] && continue # empty: not set, so that a setting of the environment holds
  value=$(cat "$file") || { echo "error: the secret $file can't be read by user $(id -u)" >&2; exit 2; }
  export "${file##*/}=$value"
done
exec answerloop "$@"
