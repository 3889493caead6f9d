"""The server listens where it should and answers without delay."""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from skyvet.core.errors import InvalidInputError
from skyvet.services.labelling.serving import bind, page_address


def test_small_answers_are_sent_at_once():
    """Nagle's algorithm would hold each stamp back for 40 ms."""
    found = []

    async def answer(_reader, writer):
        door = writer.get_extra_info("socket")
        found.append(door.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    async def call(door):
        server = await asyncio.start_server(answer, sock=door)
        reader, writer = await asyncio.open_connection(*door.getsockname())
        await reader.read()
        writer.close()
        server.close()

    # In a thread of its own: a browser test in this process may hold an event loop open.
    with ThreadPoolExecutor(max_workers=1) as aside:
        aside.submit(lambda: asyncio.run(call(bind("127.0.0.1", 0)))).result()
    assert found[0] != 0


@pytest.mark.parametrize("everywhere", ["0.0.0.0", "::"])
def test_page_of_a_server_for_all_has_an_address_that_a_browser_can_open(everywhere):
    address = page_address(everywhere, 8911)
    host = address.removeprefix("http://").removesuffix(":8911/")
    assert not host.startswith(("0.", "["))
    socket.getaddrinfo(host, 8911)
    assert page_address("10.0.0.7", 80) == "http://10.0.0.7:80/"


def test_taken_port_and_foreign_address_are_refused_in_plain_words():
    with bind("127.0.0.1", 0) as door, pytest.raises(InvalidInputError, match="choose another"):
        bind("127.0.0.1", door.getsockname()[1])
    with pytest.raises(InvalidInputError, match=r"cannot listen on 203\.0\.113\.7"):
        bind("203.0.113.7", 0)
