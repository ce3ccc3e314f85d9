"""Playing a dream: over HTTP and WebSocket as a browser does it, with visitors of every kind, and in a terminal.

The first case trains a small model; the others play a copy of it.
"""
import base64
import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import termios
import time

import numpy as np

from trial import NEXTFRAME, Failed, case

ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)/([0-9a-f]{32})/")
TRAINED = []


def trained(t):
    """A run `a` of a world with the choices 0, 1 and 2."""
    t.good()
    if not TRAINED:
        t.run("train run.yaml --run a")
        TRAINED.append(tempfile.TemporaryDirectory(prefix="nextframe-case-"))
        shutil.copytree("a", TRAINED[0].name + "/a")
    elif not os.path.exists("a"):
        shutil.copytree(TRAINED[0].name + "/a", "a")


class Server:
    """`nextframe play a`, up and running."""

    def __init__(self, t, arguments=""):
        self.t = t
        self.process = t.start("play a " + arguments, log="play.log")
        t.wait_for(lambda: ADDRESS.search(t.read("play.log")) or self.process.poll() is not None, what="an address")
        found = ADDRESS.search(t.read("play.log"))
        if not found:
            raise Failed(t.read("play.log"))
        self.port, self.token = int(found[1]), found[2]

    def send(self, text):
        """One request as it stands; the whole answer."""
        with self.connect() as link:
            link.sendall(text if isinstance(text, bytes) else text.encode())
            link.settimeout(5)
            answer = b""
            while part := link.recv(65536):
                answer += part
            return answer.decode(errors="replace")

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def get(self, path, method="GET"):
        return self.send(f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nConnection: close\r\n\r\n")

    def ends(self, number=signal.SIGINT):
        self.process.send_signal(number)
        self.t.ends(self.process, 0, "play: ended", log="play.log", timeout=10)


class Player:
    """A WebSocket client (RFC 6455) with what these cases need of one."""

    def __init__(self, server, token=None):
        self.link = server.connect()
        key = base64.b64encode(os.urandom(16)).decode()
        self.link.sendall((f"GET /{token or server.token}/play HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nUpgrade: websocket\r\n"
                           f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n").encode())
        self.rest = b""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = self.link.recv(1)
            if not byte:
                break
            head += byte
        self.status = int(head.split()[1])
        if self.status == 101:
            self.hello = self.read()[0]

    def take(self, count):
        while len(self.rest) < count:
            part = self.link.recv(65536)
            if not part:
                raise ConnectionError("closed")
            self.rest += part
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken

    def send_frame(self, kind, payload):
        mask = os.urandom(4)
        if len(payload) < 126:
            size = bytes([0x80 | len(payload)])
        else:
            size = struct.pack("!BH", 0xFE, len(payload)) if len(payload) < 65536 else struct.pack("!BQ", 0xFF, len(payload))
        self.link.sendall(bytes([0x80 | kind]) + size + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload)))

    def read_message(self):
        """Kind and payload of a message, which may come in several frames."""
        message, first = b"", None
        while True:
            head, size = self.take(2)
            if size >= 126:
                size = int.from_bytes(self.take(2 if size == 126 else 8), "big")
            first = head & 0x0F if first is None else first
            message += self.take(size)
            if head & 0x80:
                return first, message

    def read(self):
        """The next message: its JSON, and the bytes behind it."""
        kind, payload = self.read_message()
        if kind == 8:
            raise ConnectionError(f"closed by the server: {int.from_bytes(payload[:2], 'big')}")
        if kind == 1:
            return json.loads(payload), b""
        length = int.from_bytes(payload[:4], "little")
        return json.loads(payload[4:4 + length]), payload[4 + length:]

    def ask(self, **message):
        self.send_frame(1, json.dumps(message).encode())
        return self.read()


def closed_with(player):
    try:
        while True:
            player.read()
    except ConnectionError as end:
        return str(end)


@case
def a_browser_gets_one_page_that_needs_nothing_from_elsewhere(t):
    trained(t)
    server = Server(t)
    page = server.get(f"/{server.token}/")
    t.is_(page.split()[1], "200", "status of the page")
    t.is_([word for word in ("http://", "https://", "//cdn", "@import", "url(") if word in page.split("\r\n\r\n", 1)[1]], [],
          "addresses in the page")
    for header in ("Content-Security-Policy: default-src 'none'", "Referrer-Policy: no-referrer", "Cache-Control: no-store"):
        t.is_(header in page, True, header)
    server.ends()


@case
def requests_without_the_token_are_refused_and_others_go_on(t):
    trained(t)
    server = Server(t)
    wrong = "0" * 32
    for path in ("/", f"/{wrong}/", f"/{server.token[:-1]}/", f"/{server.token}0/", f"/?token={server.token}", f"//{server.token}/"):
        t.is_(server.get(path).split()[1], "403", path)
    t.is_(Player(server, wrong).status, 403, "a WebSocket with a wrong token")
    t.is_(server.get(f"/{server.token}/other").split()[1], "404", "another page")
    t.is_(server.get(f"/{server.token}/", "POST").split()[1], "405", "another method")
    server.send("\x00\x01\x02 nonsense\r\n\r\n")
    t.is_(server.send("GET /" + "a" * 40000 + " HTTP/1.1\r\n\r\n").split()[1], "413", "a long request")
    t.is_(server.get(f"/{server.token}/").split()[1], "200", "status of the page afterwards")
    server.ends(signal.SIGTERM)


@case
def a_player_dreams_and_a_shared_log_brings_the_same_frames(t):
    trained(t)
    server = Server(t)
    player = Player(server)
    t.is_(player.hello["actions"]["kind"], "discrete", "kind of actions")
    frames = []
    for i in range(30):
        header, pixels = player.ask(do="step", action=[i * i % 3])
        t.is_((header["kind"], header["dreamed"], len(pixels)), ("frame", i + 1, 16 * 16 * 3), "a frame")
        frames.append(pixels)
    t.is_(len(set(frames)) > 3, True, "different frames")
    log = player.ask(do="log")[0]["log"]
    other = Player(server)  # a dream of its own
    t.is_(other.ask(do="look")[0]["dreamed"], 0, "another player's frames")
    other.ask(do="load", log=log)
    t.is_([other.ask(do="step")[1] for _ in range(30)], frames, "the frames of the log")
    player.ask(do="rewind", frames=10)
    t.is_(player.ask(do="look")[1], frames[19], "the frame that was rewound to")
    header, pixels = player.ask(do="beside", what="truth")
    t.is_(len(pixels), (1 + header["has_beside"]) * 16 * 16 * 3, "bytes with a frame beside")
    header, webp = player.ask(do="record")
    t.is_((header["kind"], webp[:4], webp[8:12]), ("recording", b"RIFF", b"WEBP"), "a recording")
    server.ends()
    again = Server(t, f"--replay '{log}'")  # after another start, too
    player = Player(again)
    t.is_([player.ask(do="step")[1] for _ in range(30)], frames, "the frames of --replay")
    again.ends()


def has_actions(t, actions, space):
    """Training and held-out data whose actions are rows of numbers."""
    t.good()
    for path in ("data/train/s0.h5", "data/validation/s0.h5"):
        def change(file):
            del file["action"]
            file["action"] = actions(len(file["pixels"]))
            file.attrs["action_space"] = json.dumps(space)
        t.edit(path, change)
    t.run("train run.yaml --set trainer.steps=2 --run a")


def numbers(count):
    return np.stack([np.linspace(100, 300, count), np.linspace(-1, 1, count)], 1).astype(np.float32)


@case
def numbers_are_played_in_the_units_of_the_data(t):
    has_actions(t, numbers, {"type": "continuous", "dim": 2, "names": ["throttle", "wheel"]})
    server = Server(t)
    player = Player(server)
    actions = player.hello["actions"]
    t.is_((actions["kind"], actions["names"]), ("continuous", ["throttle", "wheel"]), "actions")
    t.is_((round(actions["low"][0]), 290 < actions["high"][0] <= 300), (100, True), "range of the throttle")
    t.is_(100 < actions["idle"][0] < 300, True, "the middle of what was trained on")
    player.ask(do="step", action=[250.5, -0.25])
    log = player.ask(do="log")[0]["log"]
    t.is_("250.5:-0.25" in log, True, log)
    t.is_(player.ask(do="step", action=[250.5])[0]["text"], "an action of this model has 2 numbers, got 1", "a short action")
    t.is_(player.ask(do="recorded")[0]["tape"] > 0, True, "recorded actions")
    server.ends()


@case
def buttons_are_played_several_at_once(t):
    has_actions(t, lambda count: np.random.default_rng(1).integers(0, 2, (count, 3)).astype(np.uint8),
                {"type": "multi_binary", "n": 3, "names": ["jump", "left", "grab"]})
    server = Server(t)
    player = Player(server)
    t.is_((player.hello["actions"]["kind"], player.hello["actions"]["keys"]), ("multi_binary", [4, 1, 0]), "buttons and their keys")
    t.is_(player.ask(do="step", action=[1, 1, 0])[0]["action"], [1, 1, 0], "action")
    t.is_(player.ask(do="step", action=[2, 0, 0])[0]["text"], "a button is 0 or 1, got 2", "half a button")
    server.ends()


@case
def a_model_without_actions_dreams_by_itself(t):
    t.shard("data/train/s0.h5", seed=1, actions=False)
    t.shard("data/validation/s0.h5", (20, 20), seed=2, actions=False)
    t.run("train run.yaml --set trainer.steps=2 --run a")
    server = Server(t)
    player = Player(server)
    t.is_(player.hello["actions"]["kind"], "none", "kind of actions")
    t.is_(player.ask(do="step", action=[])[0]["dreamed"], 1, "dreamed frames")
    t.is_("keys=@4:1,-" in player.ask(do="log")[0]["log"], True, "log")
    server.ends()


@case
def players_who_send_nonsense_or_leave_are_nobody_elses_trouble(t):
    trained(t)
    server = Server(t)
    good = Player(server)
    for nonsense in ("", "{", "[1]", '{"do": "dance"}', '{"do": "step", "action": [9]}', '{"do": "load", "log": "x"}', "\x00"):
        good.send_frame(1, nonsense.encode())
        t.is_(good.read()[0]["kind"], "error", nonsense)
    good.send_frame(2, bytes(range(256)))
    t.is_(good.read()[0]["kind"], "error", "a binary message")
    oversized = Player(server)  # the header says it; what would follow could be cut off by a reset
    oversized.link.sendall(bytes([0x81, 0xFF]) + struct.pack("!Q", (1 << 20) + 2) + bytes(4))
    t.is_("1009" in closed_with(oversized), True, "too big (1009)")
    oversized = Player(server)
    try:
        oversized.send_frame(1, b" " * (1 << 20) + b"{}")
    except ConnectionError:
        pass  # the server has gone in the middle of it
    closed_with(oversized)
    no_text = Player(server)
    no_text.send_frame(1, b"\xff\xfe\xff")
    t.is_("1007" in closed_with(no_text), True, "no UTF-8 (1007)")
    no_frame = Player(server)
    no_frame.link.sendall(b"\xff\xff\xff\xff\xff\xff" * 50)
    closed_with(no_frame)
    for _ in range(20):  # more than there are places, one after the other
        leaver = Player(server)
        leaver.send_frame(1, b'{"do": "step", "action": [1]}')
        leaver.link.close()
    t.is_(good.ask(do="step", action=[1])[0]["dreamed"], 1, "the good player's frames")
    server.ends()


@case
def places_are_bounded_and_become_free(t):
    trained(t)
    server = Server(t, "--players 2")
    first, second, third = Player(server), Player(server), Player(server)
    t.is_((first.hello["kind"], second.hello["kind"], third.hello["kind"]), ("hello", "hello", "error"), "greetings")
    t.is_("all 2 places are taken" in third.hello["text"], True, third.hello["text"])
    t.is_("1013" in closed_with(third), True, "try again later (1013)")
    first.link.close()
    t.wait_for(lambda: Player(server).hello["kind"] == "hello", what="a free place")
    t.is_(second.ask(do="step", action=[0])[0]["dreamed"], 1, "the second player's frames")
    idle = [server.connect() for _ in range(100)]  # say nothing
    t.is_(second.ask(do="step", action=[0])[0]["dreamed"], 2, "the second player's frames")
    server.ends()
    for link in idle:
        link.close()


@case
def mistakes_are_told_before_anything_is_served(t):
    trained(t)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        t.run(f"play a --port {taken.getsockname()[1]}", exits=5, says=("cannot listen", "--port 0"))
    t.run("play a --host 256.1.1.1", exits=2, says="--host 256.1.1.1")
    t.run("play a --context 400", exits=2, says="give a smaller --context")
    t.run("play a --replay keys=9", exits=2, says="the choices are 0 to 2, got 9")
    t.run("play a --tty", exits=2, says="needs a terminal")


class Terminal:
    """`nextframe play a --tty` on a pseudo-terminal of 80 x 24 cells."""

    def __init__(self, t, arguments=""):
        self.t = t
        self.keys, self.side = pty.openpty()
        fcntl.ioctl(self.side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.mode = termios.tcgetattr(self.side)
        self.process = subprocess.Popen([NEXTFRAME, "play", "a", "--tty", "--fps", "40", *arguments.split()], stdin=self.side,
                                        stdout=self.side, stderr=self.side, start_new_session=True)
        t.background.append(self.process)
        self.shown = ""

    def sees(self, pattern, seconds=20):
        """Waits until the screen has shown that since the last key, and returns the match."""
        end = time.time() + seconds
        while not (found := re.search(pattern, self.shown)):
            if time.time() > end:
                raise Failed(f"the terminal did not show {pattern}, but: {self.shown[-500:]!r}")
            if select.select([self.keys], [], [], 0.1)[0]:
                self.shown += os.read(self.keys, 65536).decode(errors="replace")
        return found

    def press(self, keys):
        self.shown = ""
        os.write(self.keys, keys.encode())

    def is_restored_after(self, codes):
        end = time.time() + 20
        while (code := self.process.poll()) is None:  # it waits for a terminal that does not read
            if time.time() > end:
                raise Failed("no end")
            if select.select([self.keys], [], [], 0.1)[0]:
                self.shown += os.read(self.keys, 65536).decode(errors="replace")
        while select.select([self.keys], [], [], 0.2)[0]:
            self.shown += os.read(self.keys, 65536).decode(errors="replace")
        self.t.is_(code, codes, "exit code")
        self.t.is_(termios.tcgetattr(self.side), self.mode, "mode of the terminal")
        self.t.is_(self.shown.rfind("\x1b[?25h") > self.shown.rfind("\x1b[?25l"), True, "a cursor")
        self.t.is_(self.shown.rfind("\x1b[?1049l") > self.shown.rfind("\x1b[?1049h"), True, "the shell's screen")
        os.close(self.keys)
        os.close(self.side)


@case
def a_terminal_shows_the_dream_and_is_put_back(t):
    trained(t)
    terminal = Terminal(t)
    terminal.sees("\x1b\\[38;2;\\d+;\\d+;\\d+m\x1b\\[48;2;\\d+;\\d+;\\d+m\u2580")
    terminal.sees(r"\((\d\d) dreamed\).* ms a frame")
    terminal.press("2")
    terminal.sees(r"action: 2")
    terminal.press(" ")
    paused = int(terminal.sees(r"\((\d+) dreamed\).*paused")[1])
    terminal.press("bb")
    terminal.sees(rf"\({paused - 2} dreamed\)")
    terminal.press("n")
    terminal.sees(rf"\({paused - 1} dreamed\)")
    terminal.press("t")
    terminal.sees("right: truth(, .* dB| has no frame here)")
    terminal.press("r")
    terminal.sees(r"\(0 dreamed\)")
    terminal.press("p")
    terminal.sees(r"tape: \d+ left")
    terminal.press("\x1b[3~?")  # means nothing
    terminal.press("q")
    terminal.is_restored_after(0)


@case
def a_terminal_is_put_back_whatever_ends_the_program(t):
    trained(t)
    for number, code in ((signal.SIGHUP, 0), (signal.SIGSEGV, -signal.SIGSEGV)):
        terminal = Terminal(t)
        terminal.sees("dreamed")
        terminal.process.send_signal(number)
        terminal.is_restored_after(code)
    terminal = Terminal(t)
    terminal.sees("dreamed")
    terminal.press("\x03")
    terminal.is_restored_after(0)
    terminal = Terminal(t)
    terminal.sees("dreamed")
    time.sleep(1)  # nobody reads: the terminal is full
    terminal.process.terminate()
    t.is_(terminal.process.wait(10), 0, "exit code of a terminal that does not read")
    t.is_(termios.tcgetattr(terminal.side), terminal.mode, "mode of the terminal")
    terminal = Terminal(t, "--episode 9")  # ends before it has begun
    terminal.sees("there is no episode 9")
    t.is_(terminal.process.wait(10), 2, "exit code")
    t.is_(termios.tcgetattr(terminal.side), terminal.mode, "mode of the terminal")
