#!/bin/sh
# Install the course on a Mac or on Linux: type `bash install.sh`.
cd "$(dirname "$0")" || exit 1
for python in python3 python3.13 python3.12 python3.11; do
  if command -v "$python" >/dev/null; then exec "$python" install.py; fi
done
echo "There is no Python on this machine. READ_ME_FIRST.txt says which one to install."
exit 1
