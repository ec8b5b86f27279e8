# SPDX-License-Identifier: MIT
"""Calls of the simulator as a client of OneNET makes them, for its own tests."""

import base64
import hmac
import json
import socket
import urllib.parse

from simulator import API_KEY, FAN_ID

DEVICE = FAN_ID
KEY = {"api-key": API_KEY}
ACCESS_KEY = "Y29sbGVjdGQtb25lbmV0LXVuaXQtdGVzdC1rZXktMDE="
VECTOR_TIME = 1537255523
PRODUCT = "AbC12345xy"  # the simulator's default


def post(sim, body=b"on", headers=None, connection=None, **query):
    """POST /cmds; returns an Answer. A None in the query is left out."""
    query = {"device_id": DEVICE, **query}
    pairs = {k: v for k, v in query.items() if v is not None}
    target = "/cmds?" + urllib.parse.urlencode(pairs)
    headers = KEY if headers is None else headers
    if connection is None:
        return sim.http("POST", target, body, headers)
    connection.request("POST", target, body, headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


def code(answer):
    return json.loads(answer.body)["errno"]


def accepted(answer):
    assert code(answer) == 0, answer.body
    return json.loads(answer.body)["data"]["cmd_uuid"]


def begin(sim, body="on", query=f"device_id={DEVICE}"):
    """Sends a whole POST /cmds and returns the socket, the answer unread."""
    connection = socket.create_connection(("127.0.0.1", sim.port), timeout=10)
    connection.sendall(
        f"POST /cmds?{query} HTTP/1.1\r\nHost: sim\r\napi-key: {API_KEY}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
    return connection


def token(method="sha256", et=VECTOR_TIME, res="products/123123",
          key=ACCESS_KEY, version="2018-10-31", sign=None):
    text = f"{et}\n{method}\n{res}\n{version}".encode()
    if sign is None:
        digest = hmac.new(base64.b64decode(key), text, method).digest()
        sign = base64.b64encode(digest).decode()
    values = dict(version=version, res=res, et=et, method=method, sign=sign)
    return "&".join(f"{name}={urllib.parse.quote(str(value), safe='')}"
                    for name, value in values.items())
