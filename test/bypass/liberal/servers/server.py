"""The liberal service with Python's http.server. See ../doc.go for what it stands for.

Headers are read as CGI and WSGI do: a hyphen and an underscore in a name are the same, and the last value counts.
"""
import codecs
import gzip
import html
import json
import re
import sys
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

with open(sys.argv[1], encoding="utf-8") as file:
    MARKET = json.load(file)
HOUSE, PEOPLE, FLOWS = MARKET["house"], MARKET["people"], MARKET["flows"]
RECORDS = [json.dumps(p["record"], separators=(",", ":")) for p in PEOPLE]
EVERYTHING = "[" + ",".join(RECORDS[:30]) + "]"
PRINTING = threading.Lock()


def unescape(text):
    out = re.sub(r"%([0-9a-fA-F]{2})", lambda m: chr(int(m.group(1), 16)), text)
    return out.replace("\xc0\xae", ".").replace("\xc0\xaf", "/")


def normal(path):
    path = unescape(unescape(path)).split("\0")[0].replace("\\", "/").lower()
    out = []
    for s in path.split("/"):
        s = s.split(";")[0].strip()
        if s == "..":
            del out[-1:]
        elif s not in ("", "."):
            out.append(s.rstrip(". "))
    return "/" + "/".join(out)


def parameters(query, raw):
    for part in re.split("[&;]", raw):
        k, _, v = part.partition("=")
        k = unescape(k.replace("+", " ")).strip().lower()
        if part:
            query[k[:-2] if k.endswith("[]") else k] = unescape(v.replace("+", " "))


def loose(text):
    """The first JSON value of a text, also one with comments, single quotes and commas at the end."""
    text = text.lstrip("\ufeff").lstrip()
    plain = re.sub(r"(?s)/\*.*?\*/", "", text)
    plain = re.sub(r"(?m)^\s*(//|#).*$", "", plain)
    plain = re.sub(r",\s*([}\]])", r"\1", plain).replace(":undefined", ":null").strip()
    for form in (text, plain, plain if '"' in plain else plain.replace("'", '"')):
        try:
            return json.JSONDecoder(strict=False).raw_decode(form)[0]
        except ValueError:
            continue
    return None


def addresses(text):
    return re.findall(r"[\w.+-]+@[\w.-]+", text)


def reached(v, listed):
    if isinstance(v, str):
        return addresses(v) if listed else []
    if isinstance(v, list):
        return [a for x in v for a in reached(x, listed)]
    out = []
    if isinstance(v, dict):
        for name, x in v.items():
            if name.lower() in ("to", "cc", "bcc", "email", "address"):
                out += reached(x, True)
            elif not isinstance(x, str):
                out += reached(x, False)
    return out


def whole(text, default, most):
    return min(int(text), most) if re.fullmatch("[0-9]+", str(text)) else default


def utf7(text):
    return "".join(c if c.isascii() and c.isalnum() else c.encode("utf-7").decode("ascii") for c in text)


def listed(records, page):
    return '{"customers":[%s],"page":%d,"total":%d}' % (",".join(records), page, HOUSE["total"])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def log_message(self, *_):
        pass

    def environ(self):
        out = {}
        for k, v in self.headers.items():
            out[k.upper().replace("-", "_")] = v
        return out

    def read_body(self):
        if "chunked" in self.env.get("TRANSFER_ENCODING", "").lower():
            body = b""
            while True:
                size = int(self.rfile.readline().split(b";")[0].strip() or b"0", 16)
                if size == 0:
                    while self.rfile.readline().strip():
                        pass
                    return body
                body += self.rfile.read(size)
                self.rfile.readline()
        return self.rfile.read(whole(self.env.get("CONTENT_LENGTH", ""), 0, 1 << 20))

    def read_text(self, body):
        coding = self.env.get("CONTENT_ENCODING", "").lower()
        try:
            if coding in ("gzip", "x-gzip"):
                body = gzip.decompress(body)
            elif coding == "deflate":
                body = zlib.decompress(body)
        except (OSError, zlib.error, EOFError):
            pass
        charset = re.search(r'charset=\s*"?([^";\s]+)', self.env.get("CONTENT_TYPE", ""), re.I)
        form = "form" in self.env.get("CONTENT_TYPE", "")
        name = charset.group(1) if charset else "utf-8" if form else json.detect_encoding(body)
        try:
            codecs.lookup(name)
            return body.decode(name, "replace")
        except (LookupError, TypeError, UnicodeError):
            return body.decode("utf-8", "replace")

    def answer(self):
        self.env = env = self.environ()
        text = self.read_text(self.read_body())
        target = env.get("X_ORIGINAL_URL") or env.get("X_REWRITE_URL") or self.path
        target = re.sub(r"(?i)^[a-z]+://[^/]*", "", target).split("#")[0]
        path, _, query = target.partition("?")
        self.route, self.query, self.flow = normal(path), {}, None
        parameters(self.query, query)
        form = env.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
        if form:
            parameters(self.query, text)
        method = self.command.upper()
        named = re.search(r'(?i)(?:name="?_method"?\s*\r?\n\r?\n|"_method"\s*:\s*")([a-z]+)', text)  # in parts and in JSON
        for v in (named and named.group(1), self.query.get("_method"), env.get("X_HTTP_METHOD"), env.get("X_METHOD_OVERRIDE"), env.get("X_HTTP_METHOD_OVERRIDE")):
            method = v.upper() if v else method
        if self.is_admin():
            return self.personal(EVERYTHING)
        if self.route == "/v1/templates" or self.route.startswith("/v1/templates/"):
            return self.plain(200, '{"template":"Hello, {{name}}"}')
        if self.route == "/v1/reports" and method == "POST":
            return self.plain(200, '{"job":"started"}')
        if self.route.startswith("/v3/mail/") and method in ("POST", "PUT"):
            return self.send(text, form)
        body = self.find(text)
        if body is None:
            return self.plain(404, '{"error":"there is no such thing"}')
        return self.personal(body)

    def is_admin(self):
        names = [self.env.get(h, "") for h in ("HOST", "X_FORWARDED_HOST", "X_HOST", "X_ORIGINAL_HOST", "X_FORWARDED_SERVER")]
        names += re.findall(r'(?i)host="?([^";,\s]+)', self.env.get("FORWARDED", ""))
        return any(n.lower().startswith("admin.") for n in names)

    def find(self, text):
        page = whole(self.query.get("page"), 0, 10000)
        if self.route in ("/v1/customers", "/v1/contacts", "/v1/search"):
            mail = self.query.get("email")
            if mail:
                return listed([r for p, r in zip(PEOPLE, RECORDS) if p["mail"].lower() == mail.lower()], page)
            size = max(1, whole(self.query.get("per_page"), 12, 300))
            at = page
            if self.route == "/v1/search":
                asked = loose(text)
                at = whole(asked.get("page"), 0, 10000) if isinstance(asked, dict) else 0
            at = at * size % len(PEOPLE)
            return listed(RECORDS[at:at + size], page)
        if self.route == "/v1/table":
            at = page * 12 % len(PEOPLE)
            rows = [[p["record"].get(f) for f in ("email", "name", "health")] for p in PEOPLE[at:at + 12]]
            return json.dumps({"columns": ["email", "name", "health"], "rows": rows})
        if self.route in FLOWS:
            self.flow = FLOWS[self.route]
            return self.flow["bodies"][page % len(self.flow["bodies"])]
        if self.route in ("/", "/v1", "/v1/export", "/v1/reports"):
            return EVERYTHING
        for prefix, field in (("/v1/customers/", "id"), ("/v1/people/", "mail")):
            if self.route.startswith(prefix):
                return next((r for p, r in zip(PEOPLE, RECORDS) if p[field].lower() == self.route[len(prefix):]), None)
        return None

    def send(self, text, form):
        if form:
            kind, to = self.query.get("template_id"), addresses(self.query.get("to", ""))
        else:
            message = loose(text)
            if not isinstance(message, dict):
                return self.plain(400, '{"error":"no message"}')
            kind = message.get("template_id")
            to = [a for n in ("personalizations", "to", "cc", "bcc") for a in reached(message.get(n), True)]
        if self.route == "/v3/mail/queue":
            kind = self.query.get("kind")
        if self.route == "/v3/mail/submit":
            kind = self.env.get("X_MAIL_KIND")
        line = json.dumps({"attack": self.env.get("X_ATTACK", ""), "kind": "invoice" if kind == "d-invoice" else str(kind), "to": to})
        with PRINTING:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
        return self.plain(202, '{"accepted":true}')

    def plain(self, status, body):
        self.finish_with(status, {"Content-Type": "application/json"}, body.encode())

    def finish_with(self, status, head, data):
        self.send_response(status)
        for k, v in head.items():
            self.send_header(k, v)
        if status != 304:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD" and status != 304:
            self.wfile.write(data)
        self.wfile.flush()

    def personal(self, body):
        env = self.env
        head = {
            "Link": '</v1/customers?after=%s>; rel="next"' % HOUSE["link"], "ETag": '"%s"' % HOUSE["etag"],
            "X-Total-Count": str(HOUSE["total"]), "Last-Modified": "Mon, 02 Mar 2026 10:00:00 GMT", "Accept-Ranges": "bytes",
        }
        if env.get("X_DEBUG"):
            head.update({"X-Debug-Record": HOUSE["debug"], "Content-Location": "/v1/people/" + HOUSE["debug"], "Set-Cookie": "last=" + HOUSE["debug"]})
        match = env.get("IF_NONE_MATCH", "")
        if match == "*" or HOUSE["etag"] in match or env.get("IF_MODIFIED_SINCE"):
            return self.finish_with(304, head, b"")
        accept = env.get("ACCEPT", "").lower()
        kind = self.flow["type"] if self.flow else "application/json"
        if self.query.get("callback"):
            kind, body = "application/javascript", "%s(%s)" % (self.query["callback"], body)
        elif "html" in accept:
            kind, body = "text/html", "<pre>" + html.escape(body) + "</pre>"
        elif "csv" in accept:
            kind, body = "text/csv", '"' + body.replace('"', '""') + '"'
        elif "event-stream" in accept:
            kind, body = "text/event-stream", "data: " + body + "\n\n"
        elif "problem" in accept:
            kind = "application/problem+json"
        charset = accept + env.get("ACCEPT_CHARSET", "").lower()
        data = body.encode()
        if "utf-16" in charset:
            kind, data = kind + "; charset=utf-16", body.encode("utf-16")
        elif "utf-7" in charset:
            kind, data = kind + "; charset=utf-7", utf7(body).encode()
        coding = env.get("ACCEPT_ENCODING", "").lower()
        if "gzip" in coding:
            data, head["Content-Encoding"] = gzip.compress(data, 1), "gzip"
        elif "deflate" in coding:
            data, head["Content-Encoding"] = zlib.compress(data), "deflate"
        head["Content-Type"] = kind
        status, data = self.cut(data, head)
        return self.finish_with(status, head, data)

    def cut(self, data, head):
        asked = re.match(r"bytes=(\d*)-(\d*)", self.env.get("RANGE", "").lower().replace(" ", ""))
        if not asked or not (asked.group(1) or asked.group(2)):
            return 200, data
        first, second = asked.groups()
        start = int(first) if first else max(0, len(data) - int(second))
        end = min(int(second), len(data) - 1) if first and second else len(data) - 1
        if start > end:
            head["Content-Range"] = "bytes */%d" % len(data)
            return 416, b""
        head["Content-Range"] = "bytes %d-%d/%d" % (start, end, len(data))
        return 206, data[start:end + 1]


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


server = Server(("127.0.0.1", 0), Handler)
print("listening %d" % server.server_address[1], flush=True)
server.serve_forever()
