# SPDX-License-Identifier: Apache-2.0
# Sources: their records, and how each kind of wrong file is refused (status 4, with file, record and field).
: "${work:?run.sh sources this file}"

# 120 records of three classes, from a small generator, so that no data file is needed
awk 'BEGIN {
  split("5 1 2 7 1 6 3 2 3 3 7 1", c, " ")
  s = 1
  print "a,b,c,d,label"
  for (i = 0; i < 120; i++) {
    k = i % 3
    line = ""
    for (j = 1; j <= 4; j++) { s = (s * 16807) % 2147483647
      line = line sprintf("%.3f,", c[4 * k + j] + 3 * (s / 2147483647 - 0.5))
    }
    print line k
  }
}' > toy.csv

bytes() { printf "$(printf '\\x%02x' "$@")"; }
be32() { local n; for n in "$@"; do bytes $((n >> 24 & 255)) $((n >> 16 & 255)) $((n >> 8 & 255)) $((n & 255)); done; }
npy() { # DTYPE SHAPE: the header
  local h="{'descr': '$1', 'fortran_order': False, 'shape': $2, }"
  while [ $(((${#h} + 11) % 64)) != 0 ]; do h="$h "; done
  printf '\x93NUMPY\x01\x00'
  bytes $(((${#h} + 1) & 255)) $(((${#h} + 1) >> 8))
  printf '%s\n' "$h"
}
for i in $(seq 0 59); do
  k=$((i % 3))
  bytes $((k * 20 + i % 7)) $((40 - k * 10)) $((i % 5)) $((k * 5))
done > pixels
for i in $(seq 0 59); do bytes $((i % 3)); done > labels
{ npy '|u1' '(60, 4)'; cat pixels; } > x.npy
{ npy '|u1' '(60,)'; cat labels; } > y.npy
{ bytes 0 0 8 3; be32 60 2 2; cat pixels; } > x.idx
{ bytes 0 0 8 1; be32 60; cat labels; } > y.idx
seq 1000 > toy.txt

loss() { grep -o '"holdout":{"loss":[^,]*' out | sed 's/.*://'; }
expect 'npy trains' 0 '"steps":36' toy_npy train --json --run-dir d1
npy_hash=$(grep -o 'weights_hash.*' out)
expect 'idx trains' 0 '"steps":36' toy_idx train --json --run-dir d2
[ "$npy_hash" = "$(grep -o 'weights_hash.*' out)" ] && pass || fail 'npy and idx of the same numbers train alike'
expect 'text trains' 0 'weights_hash' toy_text train --json --run-dir d3
# the same bytes as u16: equal tokens, so an equal run; packed or followed by half a window as well
printf "$(od -An -v -tx1 toy.txt | tr -s ' \n' ' ' | sed 's/ \(..\)/\\x\1\\0/g; s/ *$//')" > toy.bin
text_hash=$(grep -o 'weights_hash.*' out)
expect 'tokens train' 0 "$text_hash" toy_tokens train --json --run-dir d7
gzip < toy.bin > toy.bin.gz
expect 'tokens, packed' 0 "$text_hash" toy_tokens train --json --run-dir d8 --data toy=toy.bin.gz
{ cat toy.bin; printf 'abcd'; } > tail.bin
expect 'tokens: a tail is left out' 0 "$text_hash" toy_tokens train --json --run-dir d9 --data toy=tail.bin
expect 'uniform trains' 0 '"steps":60' toy_uniform train --json --run-dir d4
expect 'uniform has the numbers of its seed' 0 "$(grep -o 'weights_hash.*' out)" toy_uniform train --json --run-dir d5
expect 'normal trains' 0 '"steps":60' toy_normal train --json --run-dir d6

expect 'csv trains' 0 'test accuracy 100.0 %' toy_asan train --run-dir c1
gzip < toy.csv > packed.csv.gz
expect 'gzip is transparent' 0 accuracy toy_asan train --run-dir c2 --data toy=packed.csv.gz
same 'gzip is transparent' c1/weights.safetensors c2/weights.safetensors
sed 's/$/\r/; 5s/^/\r\n/; s/^/ /; s/\(.*\),\(.*\),/\1,"\2",/' toy.csv > dos.csv
expect 'CRLF, quotes, blanks, empty lines' 0 accuracy toy_asan train --run-dir c3 --data dos.csv
same 'CRLF, quotes, blanks, empty lines' c1/weights.safetensors c3/weights.safetensors
tail -n +2 toy.csv > bare.csv
expect 'without a header' 0 accuracy toy_asan train --run-dir c4 --data toy=bare.csv
same 'without a header' c1/weights.safetensors c4/weights.safetensors

expect 'without a bind graph' 0 'weights' toy_plain train --run-dir c5
expect 'without a bind graph: a label out of range' 4 'E0617' toy_plain train --data toy=<(sed '9s/.$/5/' toy.csv)

csv_bad() { # NAME CODE PATTERN, the file on standard input
  cat > bad.csv
  expect "csv: $1" 4 "error\[E$2\]: bad.csv.*$3" toy_asan train --run-dir bad --data toy=bad.csv
  [ -e bad ] && fail "csv: $1: a run folder was made" || pass
}
sed '18s/[^,]*,\([^,]*\)$/x7,\1/' toy.csv | csv_bad 'not a number' 0610 'record 17, field 3: `x7` is not a number'
sed '18s/[^,]*$/1.5/' toy.csv | csv_bad 'a label with a fraction' 0610 'record 17, field 4: `1.5` is not i32'
sed '18s/[^,]*$/3/' toy.csv | csv_bad 'a label out of range' 0617 'record 17, field 4: 3 is out of range'
sed '18s/[^,]*$/-1/' toy.csv | csv_bad 'a negative label' 0617 'record 17, field 4'
sed '18s/,[^,]*$//' toy.csv | csv_bad 'too few columns' 0613 'record 17, field 4: missing'
sed '18s/$/,9/' toy.csv | csv_bad 'too many columns' 0613 'record 17 has 6 columns'
sed '18s/^[^,]*/nan/' toy.csv | csv_bad 'NaN' 0610 'record 17, field 0'
sed '18s/^[^,]*//' toy.csv | csv_bad 'an empty field' 0610 'record 17, field 0'
sed '18s/^[^,]*/1e99/' toy.csv | csv_bad 'a number too large' 0610 'record 17, field 0'
sed '18s/^/"/' toy.csv | csv_bad 'an open quote' 0613 'record 17'
for line in x,1,2,3,0 nan,1,2,3,0 1,2,3,4,abc ,,,, 0,1,2,3,label nan,nan,inf,nan,nan; do # no header
  sed "1s/.*/$line/" toy.csv | csv_bad "a first record of $line" 0610 'record 1, field'
  grep -q 'help: `header = true`' err && pass || fail "a first record of $line: no word on header"
done
sed '18s/^[^,]*/"7\n\x1b[31m"/' toy.csv |
  csv_bad 'control characters' 0610 'record 17, field 0: `7??\[31m. is not a number'
cut -d, -f1-3 toy.csv | csv_bad 'a file of fewer columns' 0613 'record 1, field 3'
head -1 toy.csv | csv_bad 'a header alone' 0615 'no records'
: | csv_bad 'an empty file' 0615 'no records'
head -c 300 packed.csv.gz | csv_bad 'cut gzip' 0611 'gzip'
head -c 5000 random | csv_bad 'random bytes' '061[03]' ''
expect 'csv: a missing file' 1 'E0680' toy_asan train --data toy=none.csv
expect 'csv: an unknown section' 2 'E0600.*no such data section' toy_asan train --data tyo=toy.csv
expect 'csv: two files' 1 'E0680' toy_asan train --data toy=toy.csv,toy.csv
cp toy.csv 'a,b=c.csv'
expect 'csv: any name' 0 accuracy toy_asan train --run-dir c7 --data 'toy=a,b=c.csv'
expect 'csv: a folder' 4 'E0611' toy_asan train --data toy=.
expect 'too few records' 1 'E0684' toy_asan train --data toy=<(head -6 toy.csv)

npy_bad() { # NAME CODE PATTERN X Y
  expect "$1" 4 "error\[E$2\]: $3" "$6" train --run-dir bad --data "toy=$4,$5"
}
head -c 200 x.npy > cut.npy
npy_bad 'npy: truncated' 0614 'cut.npy: truncated' cut.npy y.npy toy_npy
{ npy '|u1' '(30,)'; head -c 30 labels; } > half.npy
npy_bad 'npy: another number of records' 0615 'half.npy: 30 records' x.npy half.npy toy_npy
{ npy '|u1' '(60, 3)'; head -c 180 pixels; } > thin.npy
npy_bad 'npy: another shape' 0616 'thin.npy: a record is \[3\], `x` takes field(0) as \[4\]' thin.npy y.npy toy_npy
{ npy '|u1' '(60, 2, 2)'; cat pixels; } > square.npy
npy_bad 'npy: as many elements in another shape' 0616 'square.npy: a record is \[2, 2\], `x` takes field(0) as \[4\]' \
  square.npy y.npy toy_npy
{ npy '|u1' '(60, 1)'; cat labels; } > column.npy
npy_bad 'npy: an axis of 1 more' 0616 'column.npy: a record is \[1\], `y` takes field(1) as \[\]' x.npy column.npy \
  toy_npy
{ npy '|u1' '(60,)'; head -c 20 labels; bytes 7; head -c 39 labels; } > label.npy
npy_bad 'npy: a label out of range' 0617 'label.npy: record 21, field 1: 7 is out of range' x.npy label.npy toy_npy
{ npy '<f4' '(60, 4)'; head -c 160 /dev/zero; printf '\0\0\xc0\x7f'; head -c 796 /dev/zero; } > nan.npy
npy_bad 'npy: NaN' 0618 'nan.npy: record 11, field 0' nan.npy y.npy toy_npy
{ npy '<f4' '(60,)'; for i in $(seq 60); do printf '\0\0\0\x3f'; done; } > halves.npy
npy_bad 'npy: labels that are not integers' 0610 'halves.npy: record 1, field 1: 0.5 is not i32' \
  x.npy halves.npy toy_npy
npy_bad 'npy: not one' 0614 'toy.csv: not a .npy' toy.csv y.npy toy_npy
npy_bad 'npy: empty' 0614 'empty: not a .npy' empty y.npy toy_npy
head -c 200 x.idx > cut.idx
npy_bad 'idx: truncated' 0614 'cut.idx: truncated' cut.idx y.idx toy_idx
cat x.idx empty labels > long.idx
npy_bad 'idx: too long' 0614 'long.idx: 60 bytes follow' long.idx y.idx toy_idx
{ bytes 0 0 7 1; be32 60; cat labels; } > type.idx
npy_bad 'idx: unknown type' 0614 'type.idx' x.idx type.idx toy_idx
{ bytes 0 0 8 3; be32 4294967295 4294967295 4294967295; } > huge.idx
npy_bad 'idx: a shape that overflows' 0614 'huge.idx' huge.idx y.idx toy_idx
expect 'idx: one file too few' 4 'E0616' toy_idx train --data toy=x.idx
printf abc > short.txt
tokens_bad() { # NAME CODE PATTERN, the file on standard input
  cat > bad.bin
  expect "tokens: $1" 4 "error\[E$2\]: bad.bin: $3" toy_tokens train --run-dir bad --data toy=bad.bin
  [ -e bad ] && fail "tokens: $1: a run folder was made" || pass
}
head -c 8 toy.bin | tokens_bad 'shorter than a window' 0615 '4 tokens, fewer than one window of 5'
: | tokens_bad 'an empty file' 0615 '0 tokens'
head -c 101 toy.bin |
  tokens_bad 'cut within a token' 0612 'record 13: .*101 bytes are not a multiple of the size of u16'
head -c 40 toy.bin.gz | tokens_bad 'cut gzip' 0611 'not a valid gzip file'
expect 'text: shorter than a window' 4 'E0615.*short.txt' toy_text train --data toy=short.txt

# every prefix of a file is refused or accepted, never a crash
for n in $(seq 0 9 130); do
  head -c "$n" x.npy > p.npy
  toy_npy train --run-dir bad --data toy=p.npy,y.npy > out 2>&1
  [ $? = 4 ] && pass || fail "npy cut to $n bytes: $(head -1 out)"
done
rm -rf bad
