# SPDX-License-Identifier: Apache-2.0
"""client.py WHAT PORT ...: checks a server on this machine. Prints failures and "N passed, N failed".

cases         the answers of tests/serve/model.nn: paths, forms of bodies, errors
same CSV OUT  concurrent requests of rows have the results that `predict --format jsonl` printed
reload PID WEIGHTS OTHER OUT OTHER_OUT   new weights while requests run: none is lost, each has the results of one file
stop PID      a request that has begun is answered after SIGTERM
edges         HTTP: half-closed connections, pipelining, chunks, 100-continue, HEAD, errors and what follows them
full          the second request is refused while the first waits (--queue 1 --batch-wait 700)
limits        bodies over 1 MiB, requests that do not arrive within 1 s (--max-body 1 --timeout 1)
"""
import http.client
import json
import os
import signal
import socket
import struct
import sys
import threading
import time

what, port = sys.argv[1], int(sys.argv[2])
passed, failed = 0, 0


def check(name, ok, shown=""):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print("FAIL ", name, str(shown)[:300])


def ask(path, body=None, head={}, method=None, connection=None):
    """Status, headers, body."""
    c = connection or http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    c.request(method or ("POST" if body is not None else "GET"), path, body, head)
    r = c.getresponse()
    data = r.read()
    if not connection:
        c.close()
    return r.status, r.headers, data


def npy(shape, values, descr="<f4"):
    text = "{'descr': '%s', 'fortran_order': False, 'shape': %s, }" % (descr, shape)
    text += " " * (-(len(text) + 11) % 64) + "\n"
    raw = struct.pack("<%d%s" % (len(values), {"<f4": "f", "<i4": "i", "<f8": "d", "<i8": "q", "<u8": "Q"}[descr]), *values)
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text.encode() + raw


def tensor(name, shape, data, datatype="FP32", **more):
    return dict(name=name, shape=shape, datatype=datatype, data=data, **more)


def infer(path, *inputs, **more):
    status, _, data = ask(path, json.dumps(dict(inputs=inputs, **more)))
    return status, json.loads(data)


def answers():
    two = "/v2/models/two/infer"
    a, k = tensor("a", [1, 4], [1, 2, 3, 4]), tensor("k", [1], [3], "INT32")
    s, d = infer(two, a, k, id="q7")
    check("two", s == 200 and d["id"] == "q7" and d["model_name"] == "two" and d["model_version"] == "1", d)
    check("outputs", [o["data"] for o in d["outputs"]] == [[13], [2, 4, 6, 8]], d)
    check("shapes", [(o["shape"], o["datatype"]) for o in d["outputs"]] == [([1], "FP32"), ([1, 4], "FP32")], d)
    s, d = infer("/v2/models/two/versions/1/infer", k, a, outputs=[dict(name="out_2")])
    check("one output", s == 200 and [o["name"] for o in d["outputs"]] == ["out_2"], d)
    s, d = infer(two, tensor("a", [1, 4], [[1, 2, 3, 4]]), k)
    check("nested data", s == 200, d)
    # binary tensors, in and out
    head = json.dumps(dict(
        inputs=[dict(name="a", shape=[1, 4], datatype="FP32", parameters=dict(binary_data_size=16)),
                dict(name="k", shape=[1], datatype="INT32", parameters=dict(binary_data_size=4))],
        outputs=[dict(name="out_1"), dict(name="out_2", parameters=dict(binary_data=True))])).encode()
    s, h, d = ask(two, head + struct.pack("<4fi", 1, 2, 3, 4, 5), {"Inference-Header-Content-Length": str(len(head)),
                                                                    "Content-Type": "application/octet-stream"})
    n = int(h.get("Inference-Header-Content-Length", 0))
    check("binary", s == 200 and struct.unpack("<4f", d[n:]) == (2, 4, 6, 8), (s, d))
    check("binary: the JSON", json.loads(d[:n])["outputs"][0]["data"] == [15], d[:n])
    # npy and plain JSON
    s, h, d = ask("/predict/double", npy((1, 4), [1, 2, 3, 4]), {"Content-Type": "application/x-npy"})
    check("npy", s == 200 and d == npy((1, 4), [2, 4, 6, 8]) and h["Content-Type"] == "application/x-npy", (s, d))
    s, _, d = ask("/predict/double", npy((4,), [1, 2, 3, 4], "<f8"), {"Content-Type": "application/x-npy"})
    check("npy of doubles, a record", s == 200 and d == npy((1, 4), [2, 4, 6, 8]), (s, d))
    s, _, d = ask("/predict/double", b'{"x": [1, 2, 3, 4]}')
    check("plain", (s, json.loads(d)) == (200, {"out": [[2, 4, 6, 8]]}), d)
    s, _, d = ask("/predict/pick", b'{"i": [0, 2]}')
    check("integers", (s, json.loads(d)) == (200, {"out": [5, 7]}), d)
    big = [2**53, -2**63, 2**63 - 2]
    s, d = infer("/v2/models/wide/infer", tensor("k", [3], big, "INT64"))
    more = [dict(name="out", datatype="INT64", shape=[3], data=[k + 1 for k in big])]
    check("64 bits", s == 200 and d["outputs"] == more, d)
    for kind in ("<i8", "<u8"):
        s, h, d = ask("/predict/wide", npy((2,), big[::2], kind), {"Content-Type": "application/x-npy"})
        check("64 bits, npy of " + kind, s == 200 and d == npy((2,), [k + 1 for k in big[::2]], "<i8"), (s, d))
    s, _, d = ask("/predict/wide", npy((1,), [2**63], "<u8"), {"Content-Type": "application/x-npy"})
    check("more than 63 bits", s == 400 and b"is not i64" in d, (s, d))


def information():
    for path in ("/v2/health/live", "/v2/health/ready", "/v2/models/two/ready", "/v2/models/model/versions/1/ready"):
        check(path, ask(path)[0] == 200)
    check("/v2", json.loads(ask("/v2")[2])["extensions"] == ["binary_tensor_data"])
    d = json.loads(ask("/v2/models/two")[2])
    check("metadata", d["inputs"] == [dict(name="a", datatype="FP32", shape=[-1, 4]),
                                      dict(name="k", datatype="INT32", shape=[-1])], d)
    s, h, d = ask("/metrics")
    text = d.decode()
    check("metrics", s == 200 and h["Content-Type"].startswith("text/plain; version=0.0.4"), h)
    for name in ('gradc_requests_total{status="200"} ', 'gradc_request_seconds_bucket{le="+Inf"} ',
                 'gradc_batch_size_bucket{le="1"} ', "gradc_queue_length 0"):
        check(name, name in text, text)


def errors():
    two, x = "/v2/models/two/infer", "/predict/double"
    a, k = tensor("a", [1, 4], [1, 2, 3, 4]), tensor("k", [1], [3], "INT32")
    for inputs, words in (
            ([a], "`k` is missing"), ([a, a, k], "there twice"), ([tensor("b", [1], [1])], "no input `b`"),
            ([tensor("a", [1, 4], [1, 2, 3, 4], "FP64"), k], "the datatype is FP32"),
            ([tensor("a", [1, 3], [1, 2, 3]), k], "does not fit f32[B, 4]"),
            ([tensor("a", [33, 4], [0] * 132), k], "at most 32"), ([tensor("a", [2, 4], [0] * 8), k], "does not fit"),
            ([tensor("a", [2 ** 62, 4], [1]), k], "does not fit"), ([tensor("a", [1, 4], [1, 2, 3]), k], "its shape"),
            ([tensor("a", [1, 4], [1, 2, 3, 4, 5]), k], "more than 4 numbers"),
            ([tensor("a", [1, 4], [1, "2", 3, 4]), k], "a string is not a number"),
            ([a, tensor("k", [1], [2 ** 40], "INT32")], "is not i32"), ([dict(name="a")], "datatype"),
            ([dict(a, parameters=dict(binary_data_size=16)), k], "before its binary tensor"),
            ([dict(name="a", datatype="FP32", shape=[1, 4]), k], "no `data`")):
        s, d = infer(two, *inputs)
        check("error: " + words, s == 400 and words in d["error"], (s, d))
    s, d = infer("/v2/models/pick/infer", tensor("i", [1], [3], "INT32"))
    check("out of range", s == 400 and "out of range (0 to 2)" in d["error"], (s, d))
    for body in (b"", b"{", b"[]", b"{}x", b'{"x":[1,2,3,4]', b'{"x":[1,2,3]}', b'{"x":[[1],[2,3]]}', b'{"y":1}',
                 b'{"x":[1,2,3,04]}', b'{"x":' + b"[" * 200000, b"\xff" * 20, b'{"x":[1,2,3,4],"x":[1,2,3,4]}'):
        s, _, d = ask(x, body)
        check("malformed: %s" % body[:20], s == 400 and "error" in json.loads(d), (s, d))
    octets = {"Content-Type": "application/x-npy"}
    for body in (npy((1, 4), [1, 2, 3, 4])[:-1], npy((1, 3), [1, 2, 3]), npy((2 ** 61, 8), [1]), b"\x93NUMPY",
                 b"x" * 99):
        check("malformed npy", ask(x, body, octets)[0] == 400)
    for n in ("999", "-1", "x"):
        check("header length", ask(two, b"{}", {"Inference-Header-Content-Length": n})[0] == 400)
    for status, path, body, head, method in (
            (404, "/nothing", None, {}, None), (404, "/v2/models/no/infer", b"{}", {}, None), (405, x, None, {}, None),
            (404, "/v2/models/two/versions/2", None, {}, None), (405, "/metrics", b"", {}, None),
            (405, x, b"", {}, "DELETE"), (415, x, b"<a/>", {"Content-Type": "text/xml"}, None),
            (415, x, b"{}", {"Content-Encoding": "gzip"}, None), (404, "/predict/no", b"{}", {}, None)):
        s, h, d = ask(path, body, head, method)
        check("%d %s" % (status, path), s == status and "error" in json.loads(d), (s, d))


def rows_and_results(csv, out):
    return ([[float(v) for v in line.split(",")] for line in open(csv)],
            [json.loads(line)["out"][0] for line in open(out)])


def each_thread(n, fn):
    threads = [threading.Thread(target=fn, args=(i,)) for i in range(n)]
    for t in threads:
        t.start()
    return threads


def same(csv, out):
    rows, want = rows_and_results(csv, out)
    wrong = []

    def run(thread):
        c = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        for r in range(thread, len(rows), 8):
            n = 1 + r % 5
            s, _, d = ask("/predict", json.dumps(dict(x=rows[r:r + n])), connection=c)
            if s != 200 or json.loads(d)["out"] != want[r:r + n]:
                wrong.append((r, s, d))
        c.close()
    for t in each_thread(8, run):
        t.join()
    check("concurrent requests have the results of predict", not wrong, wrong[:1])


def reload(pid, weights, other, out, other_out):
    want = [json.loads(open(f).readline())["out"] for f in (out, other_out)]
    body = json.dumps(dict(x=[float(v) for v in open("rows.csv").readline().split(",")]))
    seen, wrong, done = [0, 0], [], threading.Event()

    def run(_):
        c = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        while not done.is_set():
            try:
                s, _, d = ask("/predict", body, connection=c)
                seen[want.index(json.loads(d)["out"])] += 1
            except Exception as e:
                wrong.append(e)
                return
        c.close()

    def wait_for(i):
        n, end = seen[i], time.time() + 20
        while seen[i] < n + 20 and time.time() < end and not wrong:
            time.sleep(0.01)
        return seen[i] >= n + 20
    threads = each_thread(4, run)
    first = wait_for(0)
    files = [open(f, "rb").read() for f in (weights, other)]
    for data, i in ((files[1], 1), (files[0], 0), (files[1][:-9], 0), (files[1], 1)):
        open("new", "wb").write(data)
        os.replace("new", weights)
        os.kill(pid, signal.SIGHUP)
        first = first and wait_for(i)
    done.set()
    for t in threads:
        t.join()
    check("reload: each answer is that of one file", not wrong, wrong[:1])
    check("reload: the new weights are used", first, seen)
    text = ask("/metrics")[2].decode()
    check("reload: counted", 'result="error"} 1\n' in text and 'result="ok"} 3\n' in text, text[-300:])


def stop(pid):
    s = socket.create_connection(("127.0.0.1", port), timeout=30)
    body = b'{"x": [1, 2, 3, 4]}'
    s.sendall(b"POST /predict/double HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body[:9])
    time.sleep(0.3)
    os.kill(pid, signal.SIGTERM)
    time.sleep(0.3)
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        check("stop: no new connections", False)
    except OSError:
        check("stop: no new connections", True)
    s.sendall(body[9:])
    reply = b""
    while chunk := s.recv(4096):
        reply += chunk
    check("stop: the request is answered", b" 200 " in reply and b"[[2,4,6,8]]" in reply, reply)
    check("stop: the connection ends", b"Connection: close" in reply, reply)


def raw(text, half=False, wait=20):
    """All that the server says to a text; half: no more is sent, which the server is told."""
    s = socket.create_connection(("127.0.0.1", port), timeout=wait)
    s.sendall(text)
    if half:
        s.shutdown(socket.SHUT_WR)
    reply = b""
    try:
        while chunk := s.recv(1 << 16):
            reply += chunk
    except ConnectionError:
        pass
    except socket.timeout:
        reply += b"<no end>"
    s.close()
    return reply


def post(body, *head, path="/predict/double", close=False):
    lines = ["POST %s HTTP/1.1" % path, "Host: x", *head] + (["Connection: close"] if close else [])
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


BODY, ANSWER = b'{"x": [1, 2, 3, 4]}', b'{"out":[[2,4,6,8]]}\n'
LENGTH = "Content-Length: %d" % len(BODY)
CHUNKS = b"5\r\n" + BODY[:5] + b"\r\n%X;a=b\r\n" % (len(BODY) - 5) + BODY[5:] + b"\r\n0\r\nTrailer: y\r\n\r\n"


def half_closed():
    complete, get = post(BODY, LENGTH), b"GET /v2/health/ready HTTP/1.1\r\nHost: x\r\n\r\n"
    for k in range(20):
        check("a half-closed request", raw(complete, True).endswith(ANSWER))
    for name, delay in (("before it is computed", 0.05), ("at once", 0)):
        s = socket.create_connection(("127.0.0.1", port), timeout=20)
        s.sendall(complete)
        time.sleep(delay)
        s.shutdown(socket.SHUT_WR)
        reply = b"".join(iter(lambda: s.recv(1 << 16), b""))
        check("half-closed " + name, reply.endswith(ANSWER), reply)
    check("a half-closed GET", b"200 OK" in raw(get, True))
    reply = raw(complete * 3, True)
    check("three half-closed requests", reply.count(ANSWER) == 3, reply)
    for k in (1, 10, 60, len(complete) - 1):
        reply = raw(complete[:k], True)
        check("half-closed before its end, %d" % k, not reply or reply.startswith(b"HTTP/1.1 400"), reply)


def framing():
    reply = raw(post(BODY, LENGTH) * 4 + post(BODY, LENGTH, close=True))
    check("pipelined requests", reply.count(ANSWER) == 5 and reply.count(b"200 OK") == 5, reply)
    reply = raw(post(BODY, LENGTH) + post(b"{", "Content-Length: 1") + post(b"", "Content-Length: 0", path="/no") +
                b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    seen = [reply.find(b" %d " % s) for s in (200, 400, 404)]
    check("pipelined errors, in order", 0 < seen[0] < seen[1] < seen[2] and b"gradc_queue_length" in reply, reply)
    chunked = "Transfer-Encoding: chunked"
    check("chunks", raw(post(CHUNKS, chunked, close=True)).endswith(ANSWER))
    reply = raw(post(CHUNKS, chunked) + post(BODY, LENGTH, close=True))
    check("chunks, then another request", reply.count(ANSWER) == 2, reply)
    for wrong in (b"zz\r\n{}\r\n0\r\n\r\n", b"-1\r\n", b"5\r\n{}xyzwv\r\n", b"FFFFFFFFFFFFFFFFF\r\n{", b"\r\n" * 9):
        reply = raw(post(wrong, chunked, close=True), True)
        check("malformed chunks", not reply or reply.startswith(b"HTTP/1.1 4"), (wrong, reply))
    for head in (("Content-Length: -1",), ("Content-Length: 1x",), ("Content-Length: 99999999999999999999",),
                 (LENGTH, "Content-Length: 3"), (LENGTH, chunked)):
        reply = raw(post(BODY, *head, close=True), True)
        check("a wrong length", not reply or reply[9:12] in (b"400", b"413"), (head, reply))
    check("no Host", raw(post(BODY, LENGTH, close=True).replace(b"Host: x\r\n", b""))[9:12] == b"400")
    check("HTTP/1.0", raw(post(BODY, LENGTH).replace(b"1.1", b"1.0")).endswith(ANSWER))
    check("HTTP/9.9", raw(post(BODY, LENGTH).replace(b"1.1", b"9.9"), True)[9:12] in (b"", b"505"))


def expect():
    s = socket.create_connection(("127.0.0.1", port), timeout=20)
    s.sendall(post(b"", LENGTH, "Expect: 100-continue", close=True))
    first = s.recv(1 << 16)
    check("100 Continue", first.startswith(b"HTTP/1.1 100"), first)
    s.sendall(BODY)
    reply = b"".join(iter(lambda: s.recv(1 << 16), b""))
    check("and the answer", reply.endswith(ANSWER), reply)
    reply = raw(post(b"", "Content-Length: 99999999", "Expect: 100-continue"), True)
    check("no 100 for what is too large", reply.startswith(b"HTTP/1.1 413"), reply)


def head():
    reply = raw(b"HEAD /v2/health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    ended = reply.endswith(b"\r\n\r\n")
    check("HEAD", reply.startswith(b"HTTP/1.1 200") and ended and b"Content-Length: 14" in reply, reply)
    reply = raw(b"HEAD /no HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    check("HEAD of nothing", reply.startswith(b"HTTP/1.1 404") and reply.endswith(b"\r\n\r\n"), reply)
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    for status, path, body, method in ((405, "/predict", None, "HEAD"), (404, "/no", b"x", "POST"),
                                       (400, "/predict", b"{", "POST"),
                                       (405, "/metrics", b"", "PUT"), (200, "/predict", BODY, "POST")):
        s, _, _ = ask(path, body, {}, method, c)
        check("after an error the connection stays", s == status and c.sock, (s, status))
    c.close()


def edges():
    half_closed()
    framing()
    expect()
    head()


def full():
    got = []
    t = threading.Thread(target=lambda: got.append(ask("/predict", b'{"x": [1, 2, 3, 4]}')[0]))
    t.start()
    time.sleep(0.3)
    s, h, _ = ask("/predict", b'{"x": [1, 2, 3, 4]}')
    t.join()
    check("the queue is full", (s, h.get("Retry-After"), got) == (429, "1", [200]), (s, got))


def slow():
    """A byte now and then: of the head, of a body, of a second request."""
    good_one = post(BODY, LENGTH)
    for name, text in (("head", b"GET /v2/health/live HTTP/1.1\r\nHost: " + b"x" * 99), ("line", b"G" * 99),
                       ("body", post(b"{" + b" " * 99, "Content-Length: 200")),
                       ("second request", good_one + b"GET /" + b"y" * 99)):
        s = socket.create_connection(("127.0.0.1", port), timeout=8)
        begin, reply = time.time(), b""
        at = len(text) - 99
        s.sendall(text[:at])
        try:
            while at < len(text) and time.time() < begin + 8:
                time.sleep(0.2)
                s.sendall(text[at:at + 1])
                at += 1
        except OSError:
            pass
        check("a slow " + name, 0.9 < time.time() - begin < 7, time.time() - begin)
        s.close()


def limits():
    big = b'{"x": [' + b"1, " * 400000
    for name, body in (("a large body", big), ("large chunks", (big[i:i + 9999] for i in range(0, len(big), 9999)))):
        try:
            s = ask("/predict", body)[0]
        except OSError:  # the server has answered and closed before the end
            s = 413
        check(name, s == 413, s)
    for text in (b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{", b"POST /pre"):
        s = socket.create_connection(("127.0.0.1", port), timeout=8)
        begin = time.time()
        s.sendall(text)
        try:
            while s.recv(4096):
                pass
            check("a slow request is ended", time.time() - begin < 7)
        except OSError as e:
            check("a slow request is ended", isinstance(e, ConnectionError), e)
    slow()
    check("then it serves", ask("/v2/health/live")[0] == 200)


if what == "cases":
    answers()
    errors()
    information()
elif what == "reload":
    reload(int(sys.argv[3]), *sys.argv[4:])
elif what == "stop":
    stop(int(sys.argv[3]))
else:
    {"same": same, "full": full, "limits": limits, "edges": edges}[what](*sys.argv[3:])
print("%d passed, %d failed" % (passed, failed))
