#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# generate.sh MODEL WEIGHTS VOCABULARY N TOKEN...: prints N tokens after those given, as text: calls the trained
# binary's export with a prompt that grows by one token per call, at most the last 64. The vocabulary has one token per
# line.
#   sh examples/generate.sh ./gpt runs/.../weights.safetensors examples/data/licence.vocab 40 14 25 8
[ $# -ge 5 ] || { sed -n '2,5s/^# *//p' "$0" >&2; exit 2; }
model=$1 weights=$2 vocabulary=$3 n=$4
shift 4
ids=$*
while [ "$n" -gt 0 ]; do
  prompt=$(printf '%s\n' $ids | tail -n 64 | paste -sd, -)
  token=$(printf '%s\n' "$prompt" | "$model" predict --weights "$weights" --input -) || exit
  ids="$ids $token" n=$((n - 1))
done
printf '%s\n' $ids | awk 'FNR == NR { t[NR - 1] = $0; next } { s = t[$1]; gsub(/\\n/, "\n", s); printf "%s", s }
  END { print "" }' "$vocabulary" -
