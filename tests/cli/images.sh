# SPDX-License-Identifier: Apache-2.0
# Pictures: pixels as Pillow has them (pictures/make.py), folders as classes, sizes, wrong files.
: "${gradc:?run.sh sources this file}"
pictures=$here/pictures
if ! "$gradc" doctor --json | grep -c '"name":"lib[pj][a-z]*","found":true' | grep -qx 2; then
  echo "images.sh: gradc has no libpng and libjpeg" >&2
  return 0
fi
mkdir -p pets/cat pets/dog
cp "$pictures/rgb.png" "$pictures/rgba.png" "$pictures/rgb.jpg" "$pictures/cmyk.jpg" pets/cat
cp "$pictures/wide.png" "$pictures/adam7.png" "$pictures/grey.jpg" "$pictures/grey.png" pets/dog
cp "$pictures/pets.nn" .
echo none >pets/notes.txt; echo none >pets/cat/notes.txt
check 'build pets.nn' "$gradc" build pets.nn -o pets_m
needs() { readelf -d "$1" | grep -q "NEEDED.*$2"; }
needs pets_m libpng && needs pets_m libjpeg && pass || fail 'the program does not need libpng and libjpeg'
needs ../tables/named libpng && fail 'a program without pictures needs libpng' || pass
check 'train on pictures' ./pets_m train --run-dir r --threads 1
w=--weights=r/weights.safetensors
while read -r p fn want; do
  equal "$fn of $p" "$(./pets_m predict $w --fn "$fn" --input "$pictures/$p" 2>&1)" "$want"
done <"$pictures/expected.txt"

# The same as a table of pixels: folders and files in sorted order, the class their number.
for p in cat/cmyk.jpg cat/rgb.jpg cat/rgb.png cat/rgba.png dog/adam7.png dog/grey.jpg dog/grey.png dog/wide.png; do
  echo "$(sed -n "s/^${p#*/} colour //p" "$pictures/expected.txt"),${p%/*}"
done >pets.csv
sed 's|images("pets/")|csv("pets.csv")|; s|= field(0) / 255|= field(0:351) / 255|; s/= field(1)/= classes(field(351))/
  /^    [a-x][a-z]*: f32.*field(0)/d; /^export/d' pets.nn >table.nn
one() { "$gradc" run "$@" --json --run-dir d --force --threads 1 2>err | hash_of; }
equal 'pictures and their pixels in a table' "$(one pets.nn)" "$(one table.nn)"
shares() { sed 's/y: i32 = \(.*\)/y: f32[2] = mixup(one_hot(\1, 2), 1e-9)/; s/cross_entropy/soft_cross_entropy/' "$1"; }
shares pets.nn >mixed.nn; shares table.nn >mixed_table.nn
equal 'shares of classes' "$(one mixed.nn)" "$(one mixed_table.nn)"
grep -aq '"classes.pets.y":"\[\\"cat\\",\\"dog\\"\]"' r/weights.safetensors && pass || fail 'no names of classes'
./pets_m predict $w --input pets >out 2>err
equal 'predict: names and classes' "$(sed 's/,.*//' out | tr '\n' ' ')" "$(ls -d pets/*/*.* | LC_ALL=C sort |
  grep -v txt | tr '\n' ' ')"
equal 'predict: a picture' "$(./pets_m predict $w --input - <pets/dog/wide.png)" "$(sed -n 's/.*wide.png,//p' out)"
grep -qx 'pets/cat/rgb.png,\(cat\|dog\)' out && pass || fail "predict prints classes: $(head -2 out err)"
mkdir -p "few/dog" && cp pets/dog/wide.png few/dog
equal 'a folder with one of the classes' "$(./pets_m eval $w --data few --json | grep -c '"records":1,')" 1

refused() { # NAME CODE MESSAGE PLACE FOLDER
  ./pets_m eval $w --data "$5" >out 2>err
  got=$?
  if [ $got = 4 ] && grep -q -e "error\[E$2\]: $3" err &&
    { [ -z "$4" ] || grep -q -e "--> pets.nn:$4\$" err; }; then pass
  else fail "$1: status $got: $(cat err)"; fi
}
bad() { rm -rf bad; mkdir -p bad/cat; cat >"bad/cat/$1"; }
for p in rgb.png wide.png rgb.jpg progressive.jpg; do
  size=$(wc -c <"$pictures/$p")
  for n in 0 8 20 $((size / 2)) $((size - 20)); do
    head -c "$n" "$pictures/$p" | bad "$p"
    refused "$p ends after $n bytes" 0622 "bad/cat/$p: " 5:24 bad
  done
done
echo text | bad x.png
refused 'text' 0622 'bad/cat/x.png: neither PNG nor JPEG' 5:24 bad
bad x.png </dev/null
refused 'an empty file' 0622 'bad/cat/x.png: the file is empty' 5:24 bad
bad x.gif </dev/null
refused 'another format' 0622 'bad/cat/x.gif: only PNG and JPEG' '' bad
bad x.txt </dev/null
refused 'an empty class' 0615 'bad/cat: no pictures' '' bad
bad rgb.png <"$pictures/rgb.png"; mkdir bad/cow; cp bad/cat/rgb.png bad/cow
refused 'an unknown class' 0621 'bad/cow: the folder is no class of training' 14:14 bad
bad rgb.png <"$pictures/rgb.png"; cp bad/cat/rgb.png bad
refused 'a picture without a class' 0615 'bad/rgb.png: a picture outside' '' bad
bad x.png <"$pictures/rgb.png"; mkdir bad/cat/more
refused 'a folder too deep' 0615 'bad/cat/more: a folder within' '' bad
refused 'no folder' 0611 'pets.csv: not a folder' '' pets.csv
{ head -c 16 "$pictures/rgb.png"; printf '\000\017\102\100\000\017\102\100'; tail -c +25 "$pictures/rgb.png"; } |
  bad x.png
refused 'a header with another size' 0622 'bad/cat/x.png: ' 5:24 bad
sed 's/9, 13/9, 14/g; s/351/378/g' pets.nn >wide.nn
"$gradc" run wide.nn --run-dir d --force >out 2>err
[ $? = 4 ] && grep -q 'E0622.*pets/cat/cmyk.jpg: 13 x 9 pixels, `x` takes 14 x 9' err &&
  grep -q -- '--> wide.nn:5:24' err && grep -q 'resize(field(0), 9, 14)' err && pass || fail "another size: $(cat err)"

mkdir faulty; cp -r pets/cat pets/dog faulty
head -c 100 "$pictures/rgb.png" >faulty/cat/a.png; : >faulty/dog/x.gif; : >faulty/dog/z.jpeg
sed 's|images("pets/")|images("faulty"); on_error = skip|' pets.nn >skip.nn
equal 'on_error = skip' "$(one skip.nn)" "$(one pets.nn)"
"$gradc" run skip.nn --run-dir d --force >out 2>err
grep -q 'data pets: 3 of 11 records cannot be used and are left out; the first: .*faulty/cat/a.png: ' err && pass ||
  fail "on_error = skip: $(cat err)"

"$gradc" build skip.nn -o skip_m
./skip_m predict $w --input faulty >out 2>err
got=$?
./pets_m predict $w --input pets | sed 's/^pets/faulty/' | cmp -s - out && [ $got = 0 ] &&
  grep -q 'faulty: 3 of 11 pictures cannot be used and are left out; the first: faulty/dog/x.gif: only P' err && pass ||
  fail "predict of a folder, on_error = skip: status $got: $(cat err) $(head -2 out)"
rm faulty/dog/x.gif
./pets_m predict $w --input faulty >out 2>err
[ $? = 4 ] && grep -q 'E0622\]: faulty/cat/a.png: ' err && pass || fail "predict of a folder: $(cat err)"
bad rgb.png </dev/null
./skip_m predict $w --input bad >out 2>err
[ $? = 4 ] && grep -q 'E0622\]: bad: none of 1 pictures can be used; the first: bad/cat/rgb.png: ' err && pass ||
  fail "predict of a folder without usable pictures: $(cat err)"

wrong() { # LINE PATTERN: a field that is refused
  printf 'data d { source = images("pets")\n%s }\n' "$1" >wrong.nn
  expect 1 "$2" check wrong.nn
}
wrong 'x: f32[3, 8, 8] = resize(field(0), 8)' 'the longer side is unknown'
wrong 'x: f32[3, 8, 8] = resize(field(0) / 255, 8, 8)' 'size is set by'
wrong 'x: f32[3, 8, 8] = resize(field(0), 8, 0)' 'a size in pixels'
wrong 'x: f32[3, 8, 8] = crop(field(0), 8)' '`crop` takes a picture'
wrong 'x: f32[3, 8, 8] = resize(field(0), 8, 9)' '`x` is f32\[3, 8, 9\] here'
wrong 'x: f32[8] = mean(field(0), axes = [0, 1])' 'the size of the picture is unknown'
wrong 'x: f32[2, 8, 8] = field(0)' 'not 2'
wrong 'y: f32 = field(1)' 'is an integer: y: i32'
wrong 'y: i32 = field(2)' 'reads field(0), the picture, or field(1)'
wrong 'x: i8[3, 8, 8] = field(0)' 'which are not i8'
wrong 'x: f32[3, 8, 8] = resize(field(0), 8, 8) + field(0)' 'in one size'
printf 'export def f(x: f32[4]) { resize(x, [2, 2]) }\n' >wrong.nn
expect 1 'write `reshape(x, \[a, b\])`' check wrong.nn

# The decoders under the sanitizers, on damaged files.
if full; then
  sh "$root/tests/asan.sh" "$build" || exit 1
  cc -std=gnu11 -g1 -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -I"$root" -o fuzz "$pictures/fuzz.c" \
    "$build/tests/asan/libgradc_rt.a" -Wl,-u,picture_png -Wl,-u,picture_jpeg -lpng -ljpeg -lm -lpthread 2>log &&
    tally 'damaged pictures' ./fuzz 4000 "$pictures"/*.png "$pictures"/*.jpg || fail "fuzz.c: $(head -5 log)"
fi
