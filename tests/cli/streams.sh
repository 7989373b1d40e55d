# SPDX-License-Identifier: Apache-2.0
# Standard streams: full, closed, read by nobody, and terminals. Sourced by run.sh.
: "${tmp:?run.sh sources this file}"
cat >m.nn <<'N'
use net = linear(1)
data p { source = uniform(n = 30, lo = [0], hi = [1]); holdout = 0.2; x: f32[1] = field(0) }
train { data = p; batch = 6; steps = 12; loss = mse(net(x), x); optim = sgd(lr = 0.1) }
export def f(x: f32[1]) -> f32[1] { net(x) }
N
"$gradc" build m.nn -o m && ./m train --run-dir runs/a >out 2>err || fail "m.nn: $(head -3 err)"
seq 5 >five
seq 60000 >many

reports() { # reports WHAT STATUS PATTERN GOT: the status, and in err one error of that pattern
  if [ "$4" -ne "$2" ]; then fail "$1: status $4, not $2: $(head -3 err)"
  elif [ "$(grep -c '^error' err)" -ne 1 ] || ! grep -q "$3" err; then fail "$1: no '$3' in: $(head -c 300 err)"
  else pass; fi
}
for c in --help --version info 'info --json' 'train --help' eval 'eval --json' 'bench --steps 3' \
  'bench --infer --json --steps 3' \
  'predict --input five' 'predict --input many' 'train --run-dir b --force' 'train --json --run-dir b --force'; do
  ./m $c >/dev/full 2>err; reports "m $c >/dev/full" 5 'E0664.*No space left on device' $?
  ./m $c >&- 2>err; reports "m $c >&-" 5 'E0664.*Bad file descriptor' $?
done
for c in --help --version ops 'help --man' 'explain E0214' 'ir m.nn' 'fmt m.nn' 'report m.nn' 'report --memory m.nn' \
  "eval m.nn -e 1+1" 'test m.nn' 'gradcheck m.nn' 'build --help'; do
  "$gradc" $c >/dev/full 2>err; reports "gradc $c >/dev/full" 5 'E0502.*No space left on device' $?
  "$gradc" $c >&- 2>err; reports "gradc $c >&-" 5 'E0502.*Bad file descriptor' $?
done
# With a descriptor closed, its output does not go into a file.
./m train --run-dir c >&- 2>&- <&-
equal 'a run with closed streams' '12 16 16' \
  "$(grep -c '^[0-9]*,[0-9.e-]*,$' c/metrics.csv) $(wc -l <c/metrics.csv) $(grep -c '^{' c/metrics.jsonl)"
./m predict --input - <&- >out 2>err; reports 'predict with no input' 4 'E0611.*Bad file descriptor' $?
# A reader that closes the pipe early is not reported as an error.
{ ./m predict --input many 2>err; echo $? >status; } | head -n 1 >out
equal 'predict | head' "$(cat status) $(wc -l <out) $(cat err)" '5 1 '
{ ./m train --json --steps 20000 --run-dir d 2>err; echo $? >status; } | head -n 1 >out
equal 'train | head' "$(cat status) $(wc -l <out) $(grep -c error err)" '5 1 0'
[ -s d/weights.safetensors ] && pass || fail 'train | head: nothing was saved'

# Escape sequences only for terminals that support them.
escapes() {
  TERM=$1 script -qec "$2" log </dev/null >/dev/null 2>&1; sed '/^Script /d' log | grep -c "$(printf '\033')"
}
if command -v script >/dev/null; then
  [ "$(escapes xterm './m train --run-dir e --force')" -gt 0 ] && pass || fail 'a terminal has no live line'
  for c in './m train --run-dir e --force' './m train --weights nowhere' "$gradc check nowhere.nn" \
  "$gradc report --memory m.nn"; do
    for term in dumb ''; do equal "escape sequences, TERM='$term', $c" "$(escapes "$term" "$c")" 0; done
  done
else fail 'there is no script(1)'; fi
