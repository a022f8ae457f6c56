# SPDX-License-Identifier: Apache-2.0
# Asks as a script with Python's requests would: URL, and with a BODY a POST. Its environment decides the rest.
import json
import sys

import requests

url, body = sys.argv[1], sys.argv[2]
headers = {"authorization": "Bearer app-key", "content-type": "application/json"}
try:
    answer = requests.request("POST" if body else "GET", url, data=body.encode() or None, headers=headers, timeout=20)
    told = {"status": answer.status_code, "provider": answer.headers.get("x-outpost-provider"), "body": answer.text}
except requests.exceptions.RequestException as error:
    told = {"error": str(error)}
print(json.dumps(told))
