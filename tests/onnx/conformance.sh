#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# conformance.sh FOLDER [GRADC]: runs `gradc import --check` on every case below FOLDER (ONNX's backend cases, unpacked:
# a folder with model.onnx and test_data_set_N), two at a time, and prints a table by operator in Markdown: cases that
# have it and passed through native and portable C, cases that were refused by a code, and wrong or failed ones. Out of
# scope is what is refused by E0532 (types that the language lacks) or E0533 (shapes that depend on data). LOG=F keeps
# the line of each case. The status is 1 if a result was wrong or a case failed.
gradc=${2:-$(dirname "$0")/../../gradc}; log=${LOG:-$(mktemp)}
find "$1" -name model.onnx | sed 's|/model.onnx$||' | sort |
  GRADC=$gradc xargs -P 2 -n 1 sh -c 'timeout -s KILL 120 "$GRADC" import --check "$0" 2>/dev/null
    case $? in 0 | 1) ;; *) echo "$0/test_data_set_0  failed  -  status" ;; esac' >"$log"
awk '
  { total[$2]++; n = split($3, op, ","); s = $0; sub(/^[^ ]+ +[^ ]+ +[^ ]+ +/, "", s)
    if ($2 == "refused") { # by its operator, if the message names one
      split(s, word, " "); named = ""
      for (i = 1; i <= n; i++) if (index(s " ", ": " op[i] " ")) named = op[i]
      code[word[1]]++
      if (named != "") { split("", op); op[1] = named; n = 1 }
    }
    for (i = 1; i <= n; i++) { seen[op[i]]; count[op[i], $2]++ } }
  END {
    printf "%d passed, %d refused, %d wrong, ", total["passed"], total["refused"], total["wrong"]
    printf "%d failed\n", total["failed"]
    scope = NR - code["E0532"] - code["E0533"]
    printf "in scope: %d of %d passed, %.1f %%\n\n", total["passed"], scope, 100 * total["passed"] / scope
    for (c in code) printf "- %s: %d\n", c, code[c] | "sort"
    close("sort")
    print "\n| operator | passed | refused | wrong |\n|---|---|---|---|"
    for (o in seen) printf "| %s | %d | %d | %d |\n", o, count[o, "passed"], count[o, "refused"],
      count[o, "wrong"] + count[o, "failed"] | "sort"
    close("sort")
    exit total["wrong"] + total["failed"] > 0 }' "$log"
