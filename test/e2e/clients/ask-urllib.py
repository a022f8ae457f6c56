# SPDX-License-Identifier: Apache-2.0
# Asks as a script with nothing but Python's standard library would: URL, and with a BODY a POST. Its environment decides the rest.
import json
import sys
import urllib.error
import urllib.request

url, body = sys.argv[1], sys.argv[2]
headers = {"authorization": "Bearer app-key", "content-type": "application/json"}
request = urllib.request.Request(url, data=body.encode() if body else None, headers=headers)
try:
    with urllib.request.urlopen(request, timeout=20) as answer:
        told = {"status": answer.status, "provider": answer.headers["x-outpost-provider"], "body": answer.read().decode()}
except urllib.error.HTTPError as error:
    told = {"status": error.code, "body": error.read().decode()}
except urllib.error.URLError as error:
    told = {"error": str(error.reason)}
print(json.dumps(told))
