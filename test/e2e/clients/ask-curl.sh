#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Asks as a shell script with curl would: URL, and with a BODY a POST. Its environment decides the rest.
# Prints the answer's head and body as they come, or curl's own words.
set -u
headers=(-H 'authorization: Bearer app-key' -H 'content-type: application/json')
data=()
if [ -n "$2" ]; then data=(--data-binary "$2"); fi
exec curl -sS -D - --suppress-connect-headers --max-time 20 "${headers[@]}" ${data[@]+"${data[@]}"} "$1" 2>&1
