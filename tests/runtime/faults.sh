# SPDX-License-Identifier: Apache-2.0
# Faults. A build of the runtime counts its system calls and allocations: the process is killed before each, each fails
# once, and each and all after it fail. In every case saved files stay readable and a resumed run ends with the bits of
# an uninterrupted one.
: "${work:?run.sh sources this file}"
ulimit -c 0
third=3; full && third=1 # every call, or every third, from another on in each loop
toy_faults train --run-dir full --threads 1 > out 2>&1 || fail "faults: $(cat out)"

GC_KEEP_NOTHING=1 expect 'records bound on demand' 0 accuracy toy_faults train --run-dir demand
same 'records bound on demand' full/weights.safetensors demand/weights.safetensors

# the number of calls in one training run: the first one without a fault
calls() { # VARIABLE
  local lo=1 hi=1
  while env $1=$hi toy_faults train --threads 1 --run-dir probe > /dev/null 2>&1; [ $? != 0 ]; do
    lo=$hi; hi=$((hi * 2)); rm -rf probe
  done
  rm -rf probe
  while [ $((hi - lo)) -gt 1 ]; do
    local mid=$(((lo + hi) / 2))
    if env $1=$mid toy_faults train --threads 1 --run-dir probe > /dev/null 2>&1; then hi=$mid; else lo=$mid; fi
    rm -rf probe
  done
  echo $lo
}

recovers() { # NAME: after an interruption in run folder k
  local saved=
  ls k/checkpoint-*.safetensors > /dev/null 2>&1 && saved=1
  if [ -e k/weights.safetensors ]; then
    toy_faults info --weights k/weights.safetensors > out 2>&1 || { fail "$1: weights: $(cat out)"; return; }
  fi
  if [ $saved ]; then toy_faults train --resume --run-dir k --threads 1 > out 2>&1
  else toy_faults train --run-dir k --threads 1 > out 2>&1; fi
  if [ $? != 0 ]; then fail "$1: does not go on: $(cat out)"
  elif ! cmp -s full/weights.safetensors k/weights.safetensors; then fail "$1: other weights"
  elif ! cmp -s full/metrics.csv k/metrics.csv; then fail "$1: other metrics"
  elif ls k | grep -q -e '\.tmp$'; then fail "$1: temporary files are left: $(ls k)"
  else pass; fi
}

killed() { # CALL OPTIONS…; without the message of the shell
  local n=$1
  shift
  { GC_FAULT_KILL=$n toy_faults train --threads 1 "$@" > out 2>&1; } 2> /dev/null
}

total=$(calls GC_FAULT_KILL)
[ "$total" -gt 60 ] && pass || fail "only $total system calls counted"
for n in $(seq 1 $third "$total"); do
  killed "$n" --run-dir k
  [ $? = 137 ] || fail "kill at $n had no effect"
  # a checkpoint is removed only once there is a newer one
  recovers "killed at call $n"
  rm -rf k
done
# SIGTERM: when it reports that it has saved, the metrics are saved, too
for n in $(seq $((third - third / 2)) $third "$total"); do
  GC_FAULT_TERM=$n toy_faults train --threads 1 --run-dir k > out 2> err
  got=$?
  case $got in 0 | 143) ;; *) fail "SIGTERM at call $n: status $got" ;; esac
  if grep -q '^saved after step' err && [ "$(head -1 k/metrics.csv)" != step,loss,acc ]; then
    fail "SIGTERM at call $n: metrics.csv lacks its head"
  fi
  recovers "SIGTERM at call $n"
  rm -rf k
done
# the same as SIGKILL, while resuming
toy_faults train --threads 1 --stop-at 30 --run-dir half > out 2>&1
for n in $(seq 1 $((3 * third)) "$total"); do
  cp -r half k
  killed "$n" --resume --run-dir k
  ls k/checkpoint-*.safetensors > /dev/null 2>&1 || fail "killed at call $n of a resume: no checkpoint is left"
  recovers "killed at call $n of a resume"
  rm -rf k
done

for from in '' 1; do
  for n in $(seq $((third - ${from:-0})) $third "$total"); do
    env GC_FAULT_IO=$n ${from:+GC_FAULT_FROM=1} toy_faults train --threads 1 --run-dir k > out 2> err
    got=$?
    case $got in
    4 | 5) grep -q 'error\[E06' err && pass || fail "call $n fails${from:+ and all after}: no message" ;;
    0) pass ;; # calls that may fail, such as removing an old checkpoint
    1) grep -q 'error\[E0' err && pass || fail "call $n fails: status 1: $(cat err)" ;;
    *) fail "call $n fails${from:+ and all after}: status $got: $(tail -1 err)" ;;
    esac
    [ -z "$from" ] && [ -d k ] && recovers "call $n failed"
    rm -rf k
  done
done

allocations=$(calls GC_FAULT_ALLOC)
[ "$allocations" -gt 60 ] && pass || fail "only $allocations allocations counted"
stride=$((allocations * third / 150 + 1))
for from in '' 1; do
  for n in $(seq 1 $stride "$allocations"); do
    env GC_FAULT_ALLOC=$n ${from:+GC_FAULT_FROM=1} toy_faults train --threads 1 --run-dir k > out 2> err
    got=$?
    [ $got = 5 ] && grep -q 'error\[E0660' err && pass ||
      fail "allocation $n fails${from:+ and all after}: status $got: $(tail -1 err)"
    [ -d k ] && recovers "allocation $n failed"
    rm -rf k
  done
done
