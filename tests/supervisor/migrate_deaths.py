# SPDX-License-Identifier: BSD-2-Clause
"""A part of either side is killed, or the connection cut, at a step of a running guest's move: never two owners, and once
both sides can be reached and are asked, exactly one, which can run. A sample; with HOLDFAST_LONG every part at every step."""
import itertools
import os
import pathlib
import random
import shutil
import signal

from guest import OVMF, wait_until
from moving import Host, Traveller
from points import chosen, told
from program import scratch
from relay import Relay
from tap import case, expect, main, note

DIRECTORY = scratch()
ROOT = pathlib.Path(DIRECTORY.name)
PARTS = [(side, part) for side in ("here", "there") for part in ("supervisor", "qemu", "nbdkit")] + [("between", "cut")]
FREE = {"departed", "revoked", "incoming", "none"}  # of a host that neither owns nor waits for an answer
number = itertools.count()


def start():
    root = ROOT / str(next(number))
    root.mkdir()
    here, there = Host(root / "here"), Host(root / "there")
    here.holdfast("create", here.container, "--firmware", OVMF["4m"][0], "--vars", OVMF["4m"][1], "--machine", "pc-q35-7.2")
    guest = Traveller(here, "-M", "pc-q35-7.2", memory="64")
    guest.wait_running()
    return root, here, there, guest


def name_steps():
    """Of a move in which nothing happens; of the stream's frames the first and the last."""
    root, here, there, guest = start()
    with guest, Relay(root / "relay", there.receive()) as relay:
        guest.move(there, where=relay.where)
    expect(here.state() == "departed" and there.state() == "held", f"{here.owner()}{there.owner()}")
    steps = [s for s in relay.steps if not s.startswith((">STREAM", ">IMAGE", ">STATE"))]
    return steps + [">STREAM", ">STATE"]


def ask(here, there):
    """`migrate` again, as an operator would."""
    running = here.supervisor() is not None
    return here.holdfast("migrate", here.container, "--to", "exec:" + there.receive(running), status=None)


def find(host, part):
    return host.supervisor() if part == "supervisor" else host.child(part)


def try_at(step, side, part):
    root, here, there, guest = start()
    hosts, hit = {"here": here, "there": there}, []

    def watch(seen):
        if seen != step or hit:
            return None
        hit.append(step)
        if part == "cut":
            return "cut"
        pid = relay.stayer() if (side, part) == ("there", "supervisor") else find(hosts[side], part)
        if pid:
            os.kill(pid, signal.SIGKILL)
        else:
            note(f"{side} {part} is not there yet")
        return None
    with guest:
        with Relay(root / "relay", there.receive(), watch, connections=None) as relay:
            said = here.holdfast("migrate", here.container, "--to", relay.where, status=None)
        expect(hit, f"step {step} never came: {relay.steps}\n{said}")
        settle(here, there, f"{side} {part} at {step}: {said}{guest.said()}{there.said()}")
        there.clean_up()
    shutil.rmtree(root)


def settle(here, there, what):
    wait_until(lambda: there.supervisor() is None or there.state() == "held", 60, f"{what}: the other side's end")
    states = here.state(), there.state()
    expect(states != ("held", "held"), f"{what}: two owners")
    if here.state() == "granted":
        what += str(ask(here, there))
    states = here.state(), there.state()
    owners = [h for h, s in zip((here, there), states) if s == "held"]
    expect(len(owners) == 1 and set(states) - {"held"} <= FREE, f"{what}: {states}")
    owner = owners[0]
    if owner.supervisor() is None:
        owner.holdfast("run", owner.container, "--", "-version")
    owner.holdfast("vars", "list", owner.container)


@case("a move with nothing in its way, and its steps")
def _():
    STEPS.extend(name_steps())
    note(f"{len(STEPS)} steps: {' '.join(STEPS)}")


@case("whatever dies at whatever step, one side owns the guest in the end")
def _():
    def sample(every):
        seed = int(os.environ.get("HOLDFAST_SEED", random.randrange(1 << 32)))
        note(f"HOLDFAST_SEED={seed}")
        always = [(">OFFER.2", ("here", "supervisor")), (">GRANT", ("here", "qemu")), ("<CLAIMED", ("there", "supervisor"))]
        return always + random.Random(seed).sample(every, 2)

    tried = chosen(itertools.product(STEPS, PARTS), sample)
    told(len(tried), "deaths of a process at a step")
    for step, (side, part) in tried:
        note(f"{side} {part} at {step}")
        try_at(step, side, part)


@case("who called 'receive' ends just before the grant is heard: the guest stays and runs")
def _():
    root, here, there, guest = start()

    def watch(seen):
        if seen != ">GRANT":
            return None
        stayer = relay.stayer()
        os.kill(stayer, signal.SIGSTOP)
        relay.receiver.kill()
        relay.receiver.wait()
        return lambda: os.kill(stayer, signal.SIGCONT)  # and now it hears of both at once
    with guest:
        with Relay(root / "relay", there.receive(), watch, connections=None) as relay:
            said = here.holdfast("migrate", here.container, "--to", relay.where, status=None)
        settle(here, there, f"{said}{guest.said()}{there.said()}")
        expect(here.state() == "held", f"{here.owner()}{there.owner()}{there.said()}")
        expect(guest.connect().status() == "running", f"the guest is lost\n{guest.said()}{there.said()}")
    shutil.rmtree(root)


STEPS = []
main()
