#!/usr/bin/env bash
# The long form of kill_while_saving.sh: every system call of three saves, on either rank. Minutes.
NEXTFRAME_KILL_EVERY=1 exec "$(dirname "$0")/kill_while_saving.sh"
