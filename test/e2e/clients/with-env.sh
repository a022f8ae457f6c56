#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A user's shell: evaluates what `outpost env` printed (SETUP) and starts a client with a URL and the BODY.
# `BASE` at the start of the URL stands for OPENAI_BASE_URL; TRUST names a variable that is to hold FILE.
set -u
eval "$SETUP"
if [ -n "$TRUST" ]; then export "$TRUST=$FILE"; fi
url=${1/#BASE/${OPENAI_BASE_URL-}}
shift
exec "$@" "$url" "$BODY"
