#!/usr/bin/env python3
"""Boots the emulated board, cuts its power at moments that nobody foresees, and holds what it says it has against what it
had acknowledged.

    drive.py FOLDER CUTS [only]

Must not judge times: the board is emulated. Prints one JSON object at the end; ends with 1 where anything was lost.
"""
import json
import os
import random
import re
import signal
import subprocess
import sys
import time

LIMIT_S = 5400
MEMORY_MIB = 1536
EXPECTED_ANSWERS = 10


def start(folder, step):
    command = [
        "qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a72", "-smp", "2", "-m", str(MEMORY_MIB),
        "-accel", "tcg,thread=multi", "-nographic", "-no-reboot", "-nic", "none",
        "-drive", f"file={folder}/disk.ext4,if=none,id=d0,format=raw,cache=none", "-device", "virtio-blk-device,drive=d0",
        "-kernel", f"{folder}/kernel/vmlinuz", "-initrd", f"{folder}/root.cpio.zst",
        "-append", f"console=ttyAMA0 rdinit=/init systemd.show_status=0 loglevel=3 mitigations=off valet.step={step}",
    ]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            errors="replace", start_new_session=True)


class Board:
    """What is known of the board: what it acknowledged, and what it has."""

    def __init__(self):
        self.timers, self.versions = set(), set()
        self.figures, self.faults, self.answered, self.sealed = {}, [], 0, set()

    def acknowledged(self, words):
        if words == ["none"]:
            self.timers = set()
        elif words[0] == "timer":
            self.timers.add(words[1])
        else:
            self.versions = {words[1]}


def boot(folder, step, board, log, acks_until_cut):
    """Runs one boot to its end or its cut. Gives what it had at its start."""
    process = start(folder, step)
    began, have, acks, cut_at = time.monotonic(), {"timers": set(), "version": None, "state": None}, 0, None
    looked = False
    try:
        for line in process.stdout:
            log.write(line)
            log.flush()
            found = re.search(r"VALET (\w+) ?(.*?)\s*$", line)
            if time.monotonic() - began > LIMIT_S:
                board.faults.append(f"{step}: nothing came of it in {LIMIT_S} s")
                break
            if not found:
                continue
            what, words = found.group(1), found.group(2).split()
            if what == "HAVE" and words[0] == "timer":
                have["timers"].add(words[1])
            elif what == "HAVE":
                have["version"], have["state"] = (words[1:] + [None, None])[:2]
            elif what == "LOOKED":
                looked = True
                # A sealed board begins anew.
                if step != "sealed":
                    compare(board, step, have)
            elif what == "READY":
                print(f"boot-test: {step}: up after {time.monotonic() - began:.0f} s, READY {' '.join(words)}", file=sys.stderr)
            elif what == "FIGURE":
                board.figures[words[0]] = words[1]
            elif what == "FAULT":
                board.faults.append(f"{step}: {' '.join(words)}")
            elif what == "ANSWERED":
                board.answered += 1
            elif what == "SEALED":
                board.sealed.add(words[0])
            elif what == "DONE":
                break
            elif what == "ACK":
                board.acknowledged(words)
                acks += 1
                if acks_until_cut and acks >= acks_until_cut:
                    # Somewhere within the next thing it does.
                    cut_at = random.uniform(0.0, 3.0)
                    time.sleep(cut_at)
                    break
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        rest = process.stdout.read()
        log.write(rest)
        # What was acknowledged while the hand was on its way counts, too.
        for found in re.finditer(r"VALET ACK (.*?)\s*$", rest, re.M):
            board.acknowledged(found.group(1).split())
        process.wait()
    if not looked:
        board.faults.append(f"{step}: it did not come up")


def compare(board, step, have):
    """Holds what it has against what it had acknowledged; one thing more may have been under way."""
    lost = board.timers - have["timers"]
    if lost:
        board.faults.append(f"{step}: timers that were acknowledged are gone: {sorted(lost)}")
    if board.versions and have["version"] not in board.versions | {"2.0.0", "3.0.0"}:
        board.faults.append(f"{step}: version {have['version']}, acknowledged was {board.versions}")
    if have["state"] != "ready":
        board.faults.append(f"{step}: the skill is {have['state']}")
    if len(have["timers"] - board.timers) > 1:
        board.faults.append(f"{step}: more than one timer that nobody acknowledged: {sorted(have['timers'])}")


def main():
    folder, cuts = sys.argv[1], int(sys.argv[2])
    seed = int(os.environ.get("SEED", time.time()))
    random.seed(seed)
    whole = sys.argv[3:] != ["only"]
    board = Board()
    with open(f"{folder}/console.log", "w") as log:
        if whole:
            boot(folder, "first", board, log, None)
        for cut in range(cuts):
            boot(folder, f"cut{cut}", board, log, random.randint(3, 9))
        boot(folder, "last", board, log, None)
        if whole:
            boot(folder, "sealed", board, log, None)
    result = {"seed": seed, "cuts": cuts, "answered": board.answered, "sealed": sorted(board.sealed),
              "figures": board.figures, "faults": board.faults}
    print(json.dumps(result, indent=1))
    wanting = board.answered < EXPECTED_ANSWERS or board.sealed != {"answers", "refuses"}
    sys.exit(1 if board.faults or whole and wanting else 0)


if __name__ == "__main__":
    main()
