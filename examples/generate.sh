#!/bin/sh
# generate.sh MODEL WEIGHTS VOCABULARY N TOKEN...: N tokens behind those given, as text: the trained binary's export is called
# with a prompt that grows by one token a call, up to the 64 last ones. The vocabulary has one token a line, from 0.
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
printf '%s\n' $ids | awk 'FNR == NR { t[NR - 1] = $0; next } { s = t[$1]; gsub(/\\n/, "\n", s); printf "%s", s } END { print "" }' "$vocabulary" -
