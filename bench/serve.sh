#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# serve.sh [SECONDS]: bench/models/serve.nn served by gradc, beside onnxruntime behind FastAPI and uvicorn with the same
# limit of a batch: requests a second and the times of requests, by connections. PYTHON names one with the packages of
# bench/serve_requirements.txt. Writes CSV; the load of the machine is on standard error.
here=$(cd "$(dirname "$0")" && pwd); root=$(dirname "$here")
. "$here/common.sh"
seconds=${1:-5}; python=${PYTHON:-python3}; threads=${THREADS:-1}; batch=32
make -s -C "$root" all || exit 1
dir=$(mktemp -d) || exit 1
end() { [ -z "$pid" ] || kill "$pid"; wait; pid=; }
pid=; trap 'end; rm -rf "$dir"' EXIT
cd "$dir" || exit 1
cp "$here/models/serve.nn" m.nn
cc -O2 -o load "$here/serve_load.c" || exit 1
"$root/gradc" build m.nn -o m && ./m train --run-dir run >log 2>&1 || exit 1
"$root/gradc" export --onnx m.nn --weights run/weights.safetensors -o m.onnx >&2 || exit 1
awk 'BEGIN { srand(1); printf "{\"x\":[["; for (i = 0; i < 64; i++) printf "%s%.4f", i ? "," : "", rand()
  print "]]}" }' >body.json
# Waits until PORT answers.
ready() { for _ in $(seq 200); do ./load "$1" 1 0 /predict body.json >/dev/null 2>&1 && return; sleep 0.1; done; }
port=18080
echo "side,threads,batch_limit,connections,per_second,p50_ms,p99_ms,errors"
for side in gradc onnxruntime; do
  port=$((port + 1))
  if [ $side = gradc ]; then
    ./m serve --weights run/weights.safetensors --threads "$threads" --batch-max $batch --port $port >log 2>&1 & pid=$!
  else "$python" -W ignore "$here/serve_onnx.py" m.onnx $port "$threads" $batch >log 2>&1 & pid=$!; fi
  ready $port
  for connections in 1 8 32 128; do
    line=$(./load $port $connections "$seconds" /predict body.json) || exit 1
    echo "$side,$threads,$batch,$connections$(fields "$line" per_second p50_ms p99_ms errors)"
  done
  end
done
echo "load: $(cut -d ' ' -f 1-3 /proc/loadavg)" >&2
