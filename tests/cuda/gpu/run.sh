#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh FOLDER LIST SECONDS: runs the items of FOLDER/LIST.tsv, which prepare.sh has written, in their order, until so
# many seconds have passed. A row is NAME, LIMIT in seconds, COMMAND for sh in FOLDER; or NAME, "-", what is missing for
# it. After each item a line of JSON goes to FOLDER/LIST.jsonl and to the output: its status, seconds, and the line of
# JSON that the command printed last, or the last line of what it printed if it failed. Then a table.
# Status of an item: ok; failed; stopped, at its limit; no time, for it is left; skipped (the command says why, and ends
# with 77); missing. Nothing but ok, skipped and missing is a failure.
folder=$(cd "$1" && pwd) || exit 2
list=$folder/$2.tsv; out=$folder/$2.jsonl; total=$3; tab=$(printf '\t')
[ -f "$list" ] || { echo "run.sh: no $list: make gpu-prepare" >&2; exit 2; }
cd "$folder" || exit 2
: >"$out"
now() { date +%s.%N; }
begin=$(now); bad=0
left() { awk -v a="$begin" -v b="$(now)" -v t="$total" 'BEGIN { printf "%d", t - (b - a) }'; }
quoted() { printf '%s' "$1" | tr '\t\r\n' '   ' | sed 's/[\\"]/\\&/g; s/[[:cntrl:]]//g' | cut -c 1-300; }
item() { # item NAME STATUS SECONDS [RESULT]
  line="{\"item\":\"$(quoted "$1")\",\"status\":\"$2\",\"seconds\":$3"
  case ${4:-} in '') ;; '{'*'}') line="$line,\"result\":$4" ;; *) line="$line,\"message\":\"$(quoted "$4")\"" ;; esac
  echo "$line}" | tee -a "$out"
}
run_item() { # run_item NAME LIMIT COMMAND
  seconds=$(left)
  if [ "$seconds" -lt 1 ]; then item "$1" "no time" 0; bad=1; return; fi
  [ "$seconds" -lt "$2" ] || seconds=$2
  start=$(now)
  timeout -k 5 "$seconds" sh -c "$3" >"$folder/item.log" 2>&1 </dev/null; code=$?
  took=$(awk -v a="$start" -v b="$(now)" 'BEGIN { printf "%.2f", b - a }')
  last=$(grep -v '^ *$' "$folder/item.log" | tail -n 1)
  case $code in
    0) case $last in '{'*) ;; *) last= ;; esac; item "$1" ok "$took" "$last" ;;
    77) item "$1" skipped "$took" "$last" ;;
    124 | 137) item "$1" stopped "$took" "$last"; bad=1 ;;
    *) item "$1" failed "$took" "${last:-status $code}"; bad=1 ;;
  esac
}
while IFS=$tab read -r name limit command <&3; do
  case $limit in
    -) item "$name" missing 0 "$command" ;;
    *) run_item "$name" "$limit" "$command" ;;
  esac
done 3<"$list"
rm -f "$folder/item.log"
echo
sed 's/^{"item":"\([^"]*\)","status":"\([^"]*\)","seconds":\([0-9.]*\)/\1\t\2\t\3\t/; s/\t,"[a-z]*":"*/\t/
  s/"*}$//' "$out" |
  awk -F '\t' '{ printf "%-36s %-8s %8.1f s  %s\n", $1, $2, $3, substr($4, 1, 100) }'
awk -F '"' '{ n[$8]++ } END { for (s in n) printf "%d %s  ", n[s], s; print "" }' "$out"
exit $bad
