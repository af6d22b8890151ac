"""The steps of ../README.md with requests or with urllib, whichever the argument names."""
import json
import os
import sys
import urllib.error
import urllib.request

ALLOWED, ALSO, REFUSED, NAME, KEY = (os.environ[n] for n in ("ALLOWED", "ALSO", "REFUSED", "NAME", "KEY"))
BASE = "https://api.sendgrid.com/v3"
HEADERS = {"Authorization": "Bearer " + KEY, "Content-Type": "application/json"}


def with_requests():
    import requests

    session = requests.Session()

    def call(method, path, body):
        try:
            r = session.request(method, BASE + path, json=body, headers=HEADERS, timeout=30)
        except requests.RequestException as e:
            return 0, type(e).__name__
        return r.status_code, r.text

    return call


def with_urllib():
    def call(method, path, body):
        data = None if body is None else json.dumps(body).encode()
        r = urllib.request.Request(BASE + path, data=data, headers=HEADERS, method=method)
        try:
            with urllib.request.urlopen(r, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()
        except (urllib.error.URLError, OSError) as e:
            return 0, type(e).__name__

    return call


call = {"requests": with_requests, "urllib": with_urllib}[sys.argv[1]]()


def message(subject, *personalizations):
    return {
        "from": {"email": "post@gartenhaus.example"},
        "subject": subject,
        "template_id": "d-newsletter",
        "personalizations": [{"to": [{"email": to} for to in p]} for p in personalizations],
        "tracking_settings": {"open_tracking": {"enable": True}, "click_tracking": {"enable": True}},
    }


def step(name, method, path, body=None):
    status, detail = call(method, path, body)
    print(json.dumps({"step": name, "status": status, "detail": detail}), flush=True)


def send(name, subject, *personalizations):
    step(name, "POST", "/mail/send", message(subject, *personalizations))


send("send", "news " + NAME, [ALLOWED], [REFUSED], [ALSO, REFUSED])
created, batch = call("POST", "/mail/batch", None)
body = message("batch " + NAME, [ALLOWED])
body["batch_id"] = json.loads(batch)["batch_id"] if created == 201 else ""
status, detail = call("POST", "/mail/send", body)
print(json.dumps({"step": "batch", "status": status, "detail": str(created)}), flush=True)
step("contacts", "GET", "/marketing/contacts")
send("refused", "refused " + NAME, [REFUSED])
body = message("complaint " + NAME, [ALLOWED])
del body["from"]
step("complaint", "POST", "/mail/send", body)
step("undeclared", "GET", "/api_keys")
send("busy", "busy once " + NAME, [ALLOWED])
send("busy", "busy once " + NAME, [ALLOWED])
send("lost", "lost once " + NAME, [ALLOWED])
