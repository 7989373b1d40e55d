# SPDX-License-Identifier: Apache-2.0
# One owner for a run folder: concurrent processes.
: "${work:?run.sh sources this file}"
busy() { # starts a slow run in a folder, and waits until it has made its second step
  rm -f busy.out
  TOY_SLEEP_MS=${2:-60} toy train --json --run-dir "$1" > busy.out 2> busy.err & owner=$!
  for i in $(seq 3000); do grep -qs '"step":2,' busy.out && return; sleep 0.02; done
  fail "a run in $1 does not begin"
}
toy train --json --run-dir alone > out 2> err
alone=$(grep -o 'weights_hash.*' out)
busy one 20
[ -e one/lock ] && grep -qx "pid $owner" one/lock && pass || fail "no lock of $owner: $(cat one/lock)"
kill -STOP $owner # as slow as can be: it lives
for o in '' --resume --force '--resume --steps 90' '--force --seed 9'; do
  expect "a run folder in use: train $o" 2 "E0604.*in use by process $owner on" toy train $o --run-dir one
done
expect 'eval of a run that goes on' 0 accuracy toy eval --weights one/weights.safetensors
kill -CONT $owner
wait $owner && grep -q "$alone" busy.out && pass || fail "the owner: $(tail -1 busy.err)"
same 'the owner was left alone' alone/metrics.csv one/metrics.csv
[ -e one/lock ] && fail 'the lock is not removed at the end' || pass
expect 'after its end' 2 E0602 toy train --run-dir one
[ -e one/lock ] && fail 'a refusal leaves a lock' || pass
expect 'resume after its end' 0 "$alone" toy train --json --resume --run-dir one

for sig in INT TERM; do
  busy s
  kill -$sig $owner; wait $owner
  [ -e s/lock ] && fail "SIG$sig leaves the lock" || pass
  rm -rf s
done
busy s
kill -KILL $owner; wait $owner 2> /dev/null
[ -e s/lock ] && pass || fail 'SIGKILL: no lock is left, so this tests nothing'
cp -r s forced
expect 'resume after SIGKILL' 0 "$alone" toy train --json --resume --run-dir s
expect 'force after SIGKILL' 0 "$alone" toy train --json --force --run-dir forced
TOY_NAN_AT=20 toy train --run-dir n > out 2>&1
[ -e n/lock ] && fail 'an error leaves the lock' || pass

# Stale locks: of a process that has ended, of one whose number another has now, of this machine before a restart; with
# and without locks of the file system.
mine="boot $(cat /proc/sys/kernel/random/boot_id)"; machine=$(uname -n)
sleep 60 & other=$!
start=$(cut -d')' -f2 /proc/$other/stat | cut -d' ' -f21)
toy train --stop-at 9 --run-dir left > out 2>&1
lock() { printf 'pid %s\nstart %s\n%s\nhost %s\n' "$1" "$2" "$3" "$4"; }
try() { # try NAME STATUS PATTERN: a resume with the lock of standard input
  rm -rf try; cp -r left try; cat > try/lock
  expect "$1" "$2" "$3" toy_faults train --json --resume --run-dir try
}
for GC_NO_LOCKS in '' 1; do
  [ -n "$GC_NO_LOCKS" ] && export GC_NO_LOCKS || unset GC_NO_LOCKS
  lock 999999999 5 "$mine" "$machine" | try 'a process that is gone' 0 "$alone"
  lock $other $((start - 1)) "$mine" "$machine" | try 'another process has its number' 0 "$alone"
  lock $other "$start" 'boot 0-0' "$machine" | try 'before the machine restarted' 0 "$alone"
  lock $other "$start" 'boot 0-0' elsewhere |
    try 'another machine' 2 "E0604.*process $other on elsewhere, another machine"
  grep -q 'remove try/lock' err && pass || fail "another machine: the message does not say what to do: $(cat err)"
  : | try 'an empty lock' 0 "$alone"
  head -c 500 /dev/urandom | try 'a lock of noise' 0 "$alone"
done
lock $other "$start" "$mine" "$machine" |
  try 'a process that lives, without locks of the file system' 2 "E0604.*process $other on"
unset GC_NO_LOCKS
kill $other

# Two at the same moment: one of them owns the folder, the other is refused and writes nothing.
for i in $(seq $([ "${FULL:-}" = 1 ] && echo 60 || echo 8)); do
  toy train --json --run-dir race > a.out 2> a.err & a=$!
  toy train --json --seed 9 --run-dir race > b.out 2> b.err & b=$!
  wait $a; a=$?; wait $b; b=$?
  case "$a$b" in
  02) same 'a race' alone/metrics.csv race/metrics.csv; grep -q 'E060[24]' b.err && pass ||
    fail "a race: $(cat b.err)" ;;
  20) grep -q 'E060[24]' a.err && grep -q '"seed": 9' race/run.json && pass || fail "a race: $(cat a.err)" ;;
  *) fail "a race: $a and $b: $(cat a.err b.err)" ;;
  esac
  [ "$(grep -c '"event":"done"' race/metrics.jsonl)" = 1 ] && [ ! -e race/lock ] && pass || fail "a race: $(ls race)"
  rm -rf race
done
