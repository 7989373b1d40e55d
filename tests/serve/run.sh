#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh GRADC BUILD: the server, by clients over the loopback interface. With FULL=1 also malformed requests, of a
# server with the sanitizers.
. "$(dirname "$0")/../suite.sh"
here=$root/tests/serve
quick_cc
cd "$tmp" || exit 2
# start OPTION...: $pid and $port of a server of ./model
start() {
  : >log # the line of the last server
  ./model serve --weights w.safetensors --port 0 --threads 2 "$@" >log 2>&1 & pid=$!
  for _ in $(seq 200); do grep -q '^serving' log && break; sleep 0.05; done
  port=$(sed -n 's/^serving.*:\([0-9]*\)$/\1/p' log)
  [ -n "$port" ] || fail "serve: $(head -n 3 log)"
}
end() { kill -TERM $pid; wait $pid; equal "the status after SIGTERM, $1" $? 0; }
client() { what=$1; shift; tally "$what" python3 "$here/client.py" "$what" "$port" "$@"; }

cp "$here/model.nn" .
"$gradc" build model.nn -o model 2>log || fail "model.nn: $(head -n 3 log)"
/usr/bin/python3 "$here/weights.py" 1 w.safetensors && /usr/bin/python3 "$here/weights.py" 2 other.safetensors || exit 1
awk 'BEGIN { srand(3); for (i = 0; i < 200; i++) print rand() * 2 - 1 "," rand() "," rand() "," rand() - 1 }' >rows.csv
./model predict --weights w.safetensors --input rows.csv -o rows.jsonl
./model predict --weights other.safetensors --input rows.csv -o other.jsonl

# Without the library there is a message.
if ! ./model serve --port 0 --weights none 2>&1 | grep -q E0682; then
  ./model serve --port 0 --weights w.safetensors >log 2>&1
  equal 'without libmicrohttpd' "$? $(grep -c 'E0665.*libmicrohttpd' log)" '5 1'
  counts; exit
fi
nm -D --undefined-only model | grep -qE ' (socket|bind|listen|accept4?)(@|$)' &&
  fail 'the program imports sockets' || pass
./model serve --host nowhere --weights w.safetensors >log 2>&1
equal 'a wrong address' "$? $(grep -c 'E0665.*nowhere' log)" '5 1'
start --batch-wait 1
./model serve --port "$port" --weights w.safetensors >second 2>&1
equal 'a port in use' "$? $(grep -c "E0665.*port $port" second)" '5 1'
joined=$(grep -c 'up to 32 records' log)
equal 'exports whose calls are joined' "$joined $(grep -c '`mixed`.*depends on the others' log)" '5 1'
client cases
client edges
client same rows.csv rows.jsonl
client reload $pid w.safetensors other.safetensors rows.jsonl other.jsonl
equal 'a corrupt file is reported' "$(grep -c 'E0640' log) $(grep -c 'weights stay' log)" '1 1'
client stop $pid
wait $pid; equal 'the status after SIGTERM' $? 0
cp other.safetensors w.safetensors
start --queue 1 --batch-wait 700; client full; end full
start --max-body 1 --timeout 1; client limits; end limits
: >log
"$gradc" serve model.nn --weights w.safetensors --port 0 --fp=strict --batch-max 1 >log 2>&1 & pid=$!
for _ in $(seq 200); do grep -q '^serving' log && break; sleep 0.1; done
port=$(sed -n 's/^serving.*:\([0-9]*\)$/\1/p' log)
client cases; end 'gradc serve'

if full; then
  sh "$root/tests/asan.sh" "$build" || exit 1
  rt=$build/tests/asan/libgradc_rt.a
  sanitized() { # sanitized PROGRAM SOURCE...: with the C of the model
    to=$1; shift
    cc -std=gnu11 -O1 -w -g1 -fsanitize=address,undefined -fno-sanitize-recover=all -I"$root" -Ic -Ic/runtime -o "$to" \
      "$@" c/model.c c/gemm.c "$rt" -lm -ldl -lpthread 2>log || fail "$to: $(head -n 5 log)"
  }
  "$gradc" emit --native model.nn -o c --isa generic >log 2>&1 || fail "emit --native: $(head -n 5 log)"
  sanitized fuzz_body "$here/fuzz_body.c"
  tally 'malformed bodies' ./fuzz_body 200000 1 # memory that is lost is an error
  rm model; sanitized model "$here/live.c"; [ -x model ] || { counts; exit; }
  cc -std=gnu11 -Wall -Wextra -O1 -I"$root" -o fuzz "$here/fuzz.c" 2>log || fail "fuzz.c: $(head -n 5 log)"
  ASAN_OPTIONS=detect_leaks=0:quarantine_size_mb=1; export ASAN_OPTIONS
  start --timeout 20
  load() { # load REQUESTS SEED: of four clients
    clients=
    for k in 1 2 3 4; do
      ./fuzz "$port" $(($1 / 4)) "$k$2" >fuzz.$k 2>&1 & clients="$clients $!"
    done
    # shellcheck disable=SC2086  # several numbers
    wait $clients
    for k in 1 2 3 4; do tally 'malformed requests' cat fuzz.$k; [ -z "$REQUESTS" ] || cat fuzz.$k; done
    sleep 1
  }
  live() { # the bytes that the server has allocated; no request runs
    n=$(grep -c '^live' log); kill -USR1 $pid
    for _ in $(seq 200); do [ "$(grep -c '^live' log)" = "$n" ] || break; sleep 0.05; done
    sed -n 's/^live //p' log | tail -n 1
  }
  load 800 000001; before=$(live)
  load "${REQUESTS:-4000}" 500001; after=$(live)
  [ -z "$REQUESTS" ] || echo "allocated: $before, then $after bytes"
  equal 'what the requests allocated is freed' "$after" "$before"
  client cases; client edges; end 'malformed requests'
  grep -q 'Sanitizer\|runtime error' log && fail "sanitizers: $(grep -m 3 'Sanitizer\|runtime error' log)"
fi
counts
