"""Where calls may go (A10): no address that only the server could reach, however it is spelled."""

import ipaddress

import pytest

from taskloom.callbacks.address import AddressError, Guard, is_public, trusted
from taskloom.callbacks.resolver import GuardedResolver

PRIVATE = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.254", "127.0.0.1",
    "127.1.2.3", "169.254.0.1", "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255",
    "192.0.0.1", "192.0.0.170", "192.0.2.1", "192.88.99.1", "192.168.0.1", "192.168.255.255", "198.18.0.1",
    "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1",
    "255.255.255.255", "168.63.129.16",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
    "::ffff:7f00:1", "64:ff9b::127.0.0.1", "64:ff9b::a00:1", "64:ff9b::169.254.169.254", "64:ff9b:1::1",
    "100::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1", "2001:10::1", "2001:20::1",
    "2002:7f00:1::", "2002:a00:1::", "2002:a9fe:a9fe::", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254",
    "fd12:3456::1", "fe80::1", "fe80::a00:27ff:fe4e:66a1", "fec0::1", "ff02::1", "ff0e::1",
]  # fmt: skip
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.216.34",
    "2606:4700::1111",
    "2a00:1450:4001::200e",
    "64:ff9b::808:808",
]

SPELLINGS = [
    # decimal, octal, hexadecimal, short forms, and mixtures of them
    "2130706433", "017700000001", "0x7f000001", "0177.0.0.1", "0x7f.0.0.1", "127.1", "127.0.1", "0", "0x0",
    "010.0.0.1", "00127.0.0.1", "127.0.0.1.", "0x7F.1", "3232235777", "0xC0A80001", "192.168.1", "10.1",
    "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518", "169.16689662", "127.0.0.0x1",
    # full width and other digits that turn into plain ones, and other dots
    "\uff11\uff12\uff17.\uff10.\uff10.\uff11", "127。0。0。1", "127\uff0e0\uff0e0\uff0e1",
    "①②⑦.⓪.⓪.①", "⑯⑨。②⑤④。⑯⑨。②⑤④",
]  # fmt: skip

FORMS = [
    # credentials, other schemes, missing parts
    "https://user@example.com/", "https://user:pass@example.com/", "https://example.com@127.0.0.1/",
    "https://127.0.0.1@example.com/", "https://:x@example.com/", "ftp://example.com/", "file:///etc/passwd",
    "gopher://example.com/", "dict://example.com:11211/", "javascript:alert(1)", "data:text/plain,x", "//x/",
    "https:///path", "https://", "http://", "https:example.com", "example.com", "", "/relative",
    "about:blank",
    "jar:https://example.com!/", "https//example.com", "ws://example.com/", "unix:///var/run/docker.sock",
    # ports
    "https://example.com:22/", "https://example.com:8443/", "https://example.com:0/",
    "https://example.com:1/", "https://example.com:6379/", "https://example.com:65536/", "https://example.com:-1/",
    "https://example.com:443x/", "https://example.com:5432/", "https://1.1.1.1:8080/",
    # plain http without the setting
    "http://example.com/", "HTTP://example.com/", "http://1.1.1.1/", "http://example.com:443/",
    # characters that two readers take differently
    "https://example.com\\@127.0.0.1/", "https://127.0.0.1\\.example.com/", "https://example.com\t/",
    "https://exam\nple.com/", "https://example.com/\r\nX: y", "https://example.com/\x00", "https://\x00/",
    "https://example.com \u2028/", "https://[::1", "https://::1/", "https://[::1]extra/", "https://[]/",
    "https://[fe80::1%25eth0]/", "https://[fe80::1%eth0]/", "https://[127.0.0.1]/", "https://[v1.x]/",
    "https://" + "a" * 3000 + ".com/",
]  # fmt: skip


def urls():
    for address in PRIVATE:
        host = f"[{address}]" if ":" in address else address
        yield f"https://{host}/"
        yield f"https://{host}:443/latest/meta-data"
    for host in SPELLINGS:
        yield f"https://{host}/"
        yield f"http://{host}:80/"
    yield from FORMS


def test_the_list_is_long_enough():
    assert len(set(urls())) >= 150


@pytest.mark.parametrize("url", sorted(set(urls())))
def test_a_call_does_not_leave_for(url):
    with pytest.raises(AddressError):
        Guard().url(url)


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_is_not_public(address):
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_is_public(address):
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url",
    ["https://example.com/", "https://example.com:443/a?b=c", "https://1.1.1.1/", "https://bücher.example/x"],
)
def test_a_public_address_passes(url):
    assert Guard().url(url).scheme == "https"


def test_the_fragment_stays_here():
    assert str(Guard().url("https://example.com/a#secret")) == "https://example.com/a"


def test_plain_http_needs_the_setting():
    assert Guard(plain_http=True).url("http://example.com/")
    with pytest.raises(AddressError):
        Guard(plain_http=True).url("http://example.com:8080/")


@pytest.mark.parametrize("answer", [[address] for address in PRIVATE] + [["1.1.1.1", "10.0.0.1"], []])
async def test_a_name_that_leads_inside_is_not_followed(answer):
    async def lookup(host, port):
        return answer

    with pytest.raises(AddressError):
        await GuardedResolver(Guard(), lookup).resolve("rebinding.example", 443)


async def test_a_name_is_resolved_once_and_the_checked_address_is_what_comes_back():
    answers = [["1.1.1.1"], ["127.0.0.1"]]

    async def lookup(host, port):
        return answers.pop(0)

    found = await GuardedResolver(Guard(), lookup).resolve("rebinding.example", 443)

    assert [one["host"] for one in found] == ["1.1.1.1"]
    assert found[0]["hostname"] == "rebinding.example"


@pytest.mark.parametrize(
    ("allowed", "url", "passes"),
    [
        ("127.0.0.1", "http://127.0.0.1:9999/", True),
        ("127.0.0.1:9999", "http://127.0.0.1:9999/", True),
        ("127.0.0.1:9999", "http://127.0.0.1:9998/", False),
        ("127.0.0.0/8", "http://127.4.5.6:1/", True),
        ("127.0.0.0/8", "http://10.0.0.1/", False),
        ("127.0.0.0/8", "http://2130706433/", False),
        ("10.0.0.0/8", "http://[::ffff:10.0.0.1]/", False),
        ("[::1]:80", "http://[::1]/", True),
        ("hooks.internal", "http://hooks.internal:8080/", True),
        ("hooks.internal", "http://HOOKS.internal./", True),
        ("hooks.internal:8080", "http://hooks.internal:8081/", False),
        ("hooks.internal", "http://user@hooks.internal/", False),
        ("hooks.internal", "http://hooks.internal.evil.example/", False),
    ],
)
def test_trusted_targets(allowed, url, passes):
    guard = Guard([trusted(allowed)])

    if passes:
        assert guard.url(url)
    else:
        with pytest.raises(AddressError):
            guard.url(url)


async def test_a_trusted_network_is_reached_by_name_and_no_other_private_one_is():
    async def lookup(host, port):
        return {"in.example": ["10.1.2.3"], "out.example": ["192.168.0.1"]}[host]

    guard = Guard([trusted("10.0.0.0/8")])
    resolver = GuardedResolver(guard, lookup)

    assert guard.url("http://in.example:9000/")
    assert (await resolver.resolve("in.example", 9000))[0]["host"] == "10.1.2.3"
    with pytest.raises(AddressError):
        await resolver.resolve("out.example", 9000)


@pytest.mark.parametrize("text", ["", "10.0.0.1/8", "http://x", "a b", "x/y", "user@host", "host:99999"])
def test_what_is_no_target_is_refused(text):
    with pytest.raises(ValueError):
        trusted(text)
