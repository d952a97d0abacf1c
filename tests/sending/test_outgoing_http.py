"""The guarded client: where it goes, where it never goes, and how much it reads."""

import asyncio
import socket
from ipaddress import ip_network

import httpcore2
import pytest

from ensue.channels import names, outgoing_http
from ensue.channels.outgoing_http import OutgoingFailed, OutgoingHttp, Reply, TargetRefused, is_public
from ensue.channels.retry_after import retry_after
from tests.sending.web_site import WebSite

HERE = (ip_network("127.0.0.0/8"),)

INSIDE = [
    "127.0.0.1", "127.9.9.9", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1",
    "224.0.0.1", "239.1.1.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "192.88.99.1", "::1", "::", "fe80::1",
    "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "::7f00:1",
    "64:ff9b::7f00:1", "64:ff9b::8.8.8.8", "64:ff9b:1::1", "2002:7f00:1::1", "2001:0:1::1", "fec0::1", "2001:db8::1",
    "::ffff:0:127.0.0.1", "::ffff:0:10.0.0.1", "192.0.0.9", "192.0.0.10", "3fff::1", "5f00::1", "2001:20::1", "100::1",
    "4000::1", "fe00::1",
]  # fmt: skip
OUTSIDE = ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450:4001:81b::200e", "::ffff:8.8.8.8"]


@pytest.mark.parametrize("address", INSIDE)
def test_inside(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", OUTSIDE)
def test_outside(address):
    assert is_public(address)


def test_what_the_operator_allows_is_no_more_than_that():
    allowed = (ip_network("10.1.0.0/16"), ip_network("fd00::/64"))
    assert is_public("10.1.9.9", allowed)
    assert is_public("::ffff:10.1.9.9", allowed)
    assert is_public("fd00::5", allowed)
    assert not is_public("10.2.0.1", allowed)
    assert not is_public("fd00:1::5", allowed)


@pytest.fixture
def site():
    with WebSite() as site:
        yield site


def post(url, body=b"{}", headers=None, allowed=HERE):
    async def posted():
        client = OutgoingHttp(allowed)
        try:
            return await client.post(url, body, headers or {})
        finally:
            await client.close()

    return asyncio.run(posted())


def test_a_request_arrives_as_it_is_and_so_does_the_answer(site):
    site.answer = lambda asked: (201, {"X-Answer": "Yes"}, b"made")
    reply = post(f"{site.url}/a%20b?c=d&e=%C3%A9", b'{"a":1}', {"Content-Type": "application/json", "X-Mine": "1"})
    (asked,) = site.asked
    assert (asked.method, asked.path, asked.body) == ("POST", "/a%20b?c=d&e=%C3%A9", b'{"a":1}')
    assert (asked.headers["x-mine"], asked.headers["host"]) == ("1", f"127.0.0.1:{site.port}")
    assert (reply.status, reply.headers["x-answer"], reply.body) == (201, "Yes", b"made")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "[::ffff:127.0.0.1]"])
def test_nothing_inside_is_reached_by_any_name(site, host):
    with pytest.raises(TargetRefused) as refused:
        post(f"http://{host}:{site.port}/", allowed=())
    assert not refused.value.sent
    assert site.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "file:///etc/passwd",
        "ftp://example.com/",
        "http://",
        "//example.com",
        "http://me:secret@127.0.0.1/",
        "x",
        "http://[::1",
        "http://a\nb/",
    ],
)
def test_what_is_no_address_on_the_web(url):
    with pytest.raises(TargetRefused):
        post(url)


def test_one_private_address_among_public_ones_is_enough_to_refuse(monkeypatch, site):
    addresses = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, site.port)) for a in ("93.184.216.34", "127.0.0.1")]
    reached = []

    async def resolved(_host, _port):
        return addresses

    async def connect(self, host, *arguments):
        reached.append(host)
        raise AssertionError(host)

    monkeypatch.setattr(names, "find", resolved)
    monkeypatch.setattr(httpcore2.AnyIOBackend, "connect_tcp", connect)
    with pytest.raises(TargetRefused):
        post("http://both.example/", allowed=())
    assert reached == []


def test_the_connection_goes_to_the_address_that_was_looked_at(monkeypatch, site):
    """A name that answers differently the second time gains nothing: it is asked once."""
    asked = []

    async def resolved(host, port):
        asked.append(host)
        address = "127.0.0.1" if len(asked) == 1 else "127.0.0.2"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    connected = []
    plain = httpcore2.AnyIOBackend.connect_tcp

    async def connect(self, host, *arguments):
        connected.append(host)
        return await plain(self, host, *arguments)

    monkeypatch.setattr(names, "find", resolved)
    monkeypatch.setattr(httpcore2.AnyIOBackend, "connect_tcp", connect)
    assert post(f"http://twice.example:{site.port}/").status == 200
    assert connected == ["127.0.0.1"]
    assert site.asked[0].headers["host"] == f"twice.example:{site.port}"


def test_redirects_are_answers(site):
    site.answer = lambda asked: (302, {"Location": f"{site.url}/secret"}, b"")
    assert post(f"{site.url}/").status == 302
    assert [asked.path for asked in site.asked] == ["/"]


def test_proxies_of_the_environment_are_not_used(monkeypatch, site):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    assert post(f"{site.url}/").status == 200


def test_an_endless_answer_is_read_up_to_a_bound(site):
    site.answer = lambda asked: (200, {"content-length": "100000000"}, b"x" * 10_000_000)
    assert len(post(f"{site.url}/").body) == outgoing_http.READ


def test_an_answer_that_says_it_is_compressed_is_not_unpacked(site):
    site.answer = lambda asked: (200, {"Content-Encoding": "gzip"}, b"not unpacked")
    assert post(f"{site.url}/").body == b"not unpacked"
    assert site.asked[0].headers["accept-encoding"] == "identity"


def test_what_was_sent_is_told_from_what_was_not(site):
    site.answer = lambda asked: None
    with pytest.raises(OutgoingFailed) as hung_up:
        post(f"{site.url}/")
    assert hung_up.value.sent
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(OutgoingFailed) as refused:
            post(f"http://127.0.0.1:{closed.getsockname()[1]}/")
    assert not refused.value.sent


def test_a_silent_server_is_given_up(monkeypatch, site):
    monkeypatch.setattr(outgoing_http, "SECONDS", 0.05)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(OutgoingFailed) as failed:
            post(f"http://127.0.0.1:{silent.getsockname()[1]}/")
    assert failed.value.sent


@pytest.mark.parametrize(
    ("said", "pause"),
    [
        ("120", 120_000),
        ("Thu, 01 Jan 1970 00:01:00 GMT", 50_000),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Thu, 01 Jan 1970 00:01:00 -0000", 50_000),
        ("", None),
        ("-5", None),
        ("1e9", None),
        ("²", None),
        ("soon", None),
        ("Mon, 01 Jan 2027 00:00:00 +999999999999999999999999", None),
    ],
)
def test_the_pause_that_a_server_asks_for(said, pause):
    assert retry_after(Reply(503, {"retry-after": said}, b""), 10_000) == pause


def test_a_header_cannot_carry_another(site):
    with pytest.raises(OutgoingFailed):
        post(f"{site.url}/", headers={"X-Mine": "1\r\nX-Other: 2"})
    assert site.asked == []
