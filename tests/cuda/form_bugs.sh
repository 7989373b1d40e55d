# SPDX-License-Identifier: Apache-2.0
# Sourced by ops.sh after forms.sh. Each fault of form_bugs.tsv is planted in the kernels that gradc emits for a graph
# of forms.ir, and must be found: its line has a pattern that the output of ccheck must show.
cat >"$tmp/planted_cc.sh" <<'SH'
#!/bin/sh
cat ./*.cu >before.txt; sed -i "$EXPRESSION" ./*.cu
cat ./*.cu | cmp -s before.txt - && { echo "the expression changes no line"; exit 1; }
exec "$HOOKED" "$@"
SH
chmod +x "$tmp/planted_cc.sh"
form_bug() { # form_bug NAME PATTERN GRAPH OPTIONS EXPRESSION
  graphs "^$3[(]" >"$tmp/bug.ir"; : >"$tmp/bug.traffic"
  # shellcheck disable=SC2086  # several options
  BUILD=$build HOOKED=$here/hooked_cc.sh EXPRESSION=$5 GC_TRAFFIC=$tmp/bug.traffic timeout 60 \
    "$tmp/ccheck" --cuda "--cc=$tmp/planted_cc.sh -O0" --some --fused $4 "$tmp/bug.ir" >"$tmp/bug.log" 2>&1
  awk -F '\t' '$5 > $6 { print "bank conflicts" } $3 > 1.1 * $4 { print "sectors" }' "$tmp/bug.traffic" >>"$tmp/bug.log"
  if grep -q "$2" "$tmp/bug.log"; then pass
  else fail "planted: $1: not found by \`$2\`: $(grep -v '^ ' "$tmp/bug.log" | head -n 4)"; fi
}
tab=$(printf '\t')
while IFS=$tab read -r name pattern graph options expression share; do
  case $name in '#'*) continue ;; esac
  [ "${FULL:-}" = 1 ] || [ "$share" = '*' ] || continue
  [ "$options" != - ] || options=
  form_bug "$name" "$pattern" "$graph" "$options" "$expression"
done <"$here/form_bugs.tsv"
