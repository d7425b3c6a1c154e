"""What an installation needs, looked at from outside: each check says what it saw and the mend."""
