#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016 # backticks are quotation marks here
# abigen_test.sh: a description that breaks a rule of the format is refused with a place and words.

cd "${top_srcdir:-.}" || exit 99
abigen=${top_builddir:-.}/sdk/abigen/abigen
folder=$(mktemp -d) || exit 99
trap 'rm -rf "$folder"' EXIT
cp sdk/abi/plugin.yaml "$folder"
number=0

# The smallest description that is right. Each case changes one thing of it by a sed script.
good='kind: sample
major: 1
minor: 1
class: pure
releases: ["0.1", "0.2"]
doc: A kind for this test.
defaults: {units: bytes}
limits:
  size_max: {value: 100, unit: bytes, beyond: refused, why: a test}
records:
  pair: {frozen: true, fields: {key: key, weight: u64}}
  loose: {fields: {pairs: "list<pair,size_max>", text: text<9>}}
events:
  first: {id: 1, fields: {height: u64, id: hash}, doc: One.}
  second: {id: 2, since: 1, fields: {flag: flag}, doc: Two.}
effects:
  act: {id: 1, fields: {content: bytes<size_max>}, doc: Act.}
slots:
  - {name: step, thread: loop, args: {batch: {type: events}, out: {type: effects}}, returns: status, errors: {no_space: full}, doc: Goes on.}
  - {name: look, thread: pool, overlap: shared, args: {pairs: {type: "list<pair,size_max>"}, found: {type: list<u32>, dir: out, count: pairs}}, returns: status, doc: Looks.}
  - {name: late, since: 1, optional: true, thread: any, args: {size: {type: u64, max: size_max}}, returns: u64, doc: Late.}
check: [one, two]'

ok() {
    number=$((number + 1))
    echo "ok $number - $1"
}

not_ok() {
    number=$((number + 1))
    echo "not ok $number - $1: $2"
}

# refuses PLACE WORDS SCRIPT: changed by SCRIPT, the description is refused there and so.
refuses() {
    echo "$good" | sed "$3" > "$folder/sample.yaml"
    if said=$("$abigen" header "$folder/sample.yaml" 2>&1 >/dev/null); then
        not_ok "$2" 'was accepted'
    elif [ "${said#"$folder/sample.yaml:$1"*"$2"}" != "$said" ]; then
        ok "$2"
    else
        not_ok "$2" "said '$said'"
    fi
}

# writes WORDS SCRIPT: changed by SCRIPT, the header contains WORDS.
writes() {
    echo "$good" | sed "$2" > "$folder/sample.yaml"
    if "$abigen" header "$folder/sample.yaml" > "$folder/sample.h" &&
        grep -qF -- "$1" "$folder/sample.h"; then
        ok "writes $1"
    else
        not_ok "writes $1" 'it does not'
    fi
}

# compiles MINOR: the header, with what belongs to newer minors hidden.
compiles() {
    echo "$good" > "$folder/sample.yaml"
    "$abigen" header "$folder/sample.yaml" > "$folder/sample.h"
    if echo "#include \"$folder/sample.h\"" |
        ${CC:-cc} -xc -std=c11 -Wall -Wextra -Werror -Wpadded -Isdk/include \
            -DQN_TARGET_SAMPLE="$1" -fsyntax-only - >&2; then
        ok "compiles for minor $1"
    else
        not_ok "compiles for minor $1" 'see above'
    fi
}

# knows: what the kernel knows of the kind compiles, its guard included.
knows() {
    echo "$good" > "$folder/sample.yaml"
    mkdir -p "$folder/qnet"
    "$abigen" header "$folder/sample.yaml" > "$folder/qnet/sample.h"
    if "$abigen" kind "$folder/sample.yaml" |
        ${CC:-cc} -xc -std=c11 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Werror -Wno-unused-parameter \
            -Isdk/include -I. -I"$folder" -fsyntax-only - >&2; then
        ok 'what the kernel knows compiles'
    else
        not_ok 'what the kernel knows compiles' 'see above'
    fi
}

# refuses_manifest PLACE WORDS SCRIPT: changed by SCRIPT, the sample manifest is refused there and so.
refuses_manifest() {
    sed "$3" sdk/check/sample.yaml > "$folder/plugin.yaml"
    if said=$("$abigen" manifest "$folder/plugin.yaml" 2>&1 >/dev/null); then
        not_ok "$2" 'was accepted'
    elif [ "${said#"$folder/plugin.yaml:$1"*"$2"}" != "$said" ]; then
        ok "$2"
    else
        not_ok "$2" "said '$said'"
    fi
}

prints() {
    echo "$good" | sed "$1" > "$folder/sample.yaml"
    "$abigen" header "$folder/sample.yaml" | sed -n 's/.*QN_SAMPLE_PRINT UINT64_C(\(.*\))/\1/p'
}

# print_changes WORDS SCRIPT MINOR: whether the print of a minor sees a change.
print_of_minor() {
    [ "$(prints "$2" | sed -n "$(($3 + 1))p")" = "$(prints '' | sed -n "$(($3 + 1))p")" ] &&
        seen=unchanged || seen=changed
    if [ "$seen" = "$4" ]; then
        ok "the print of minor $3 is $4 by $1"
    else
        not_ok "the print of minor $3 is $4 by $1" "$seen"
    fi
}

if [ ! -x "$abigen" ]; then
    echo "1..0 # SKIP $abigen is not built"
    exit
fi

echo 1..91
compiles 0
compiles 1
knows
writes '#define QN_SAMPLE_SIZE_MAX 100'                     ''
writes 'const struct qn_event *const *batch'                ''
writes 'QN_SAMPLE_EVENT_SECOND = 2,'                        ''
writes 'Optional. Late. `size` up to SIZE_MAX.'             ''
writes 'uint8_t reserved_1[4];'                             's/height: u64/height: u32/'
print_of_minor 'a new slot'        '/name: late/s/late/later/'             1 changed
print_of_minor 'a new slot'        '/name: late/s/late/later/'             0 unchanged
print_of_minor 'a new event'       '/second/s/flag: flag/flag: u8/'        0 unchanged
print_of_minor 'a field type'      's/height: u64/height: u32/'            0 changed
print_of_minor 'a limit'           's/value: 100/value: 101/'              0 changed
print_of_minor 'a frozen record'   's/weight: u64/weight: i64/'            0 changed
print_of_minor 'a thread class'    's/thread: loop/thread: any/'           0 changed
print_of_minor 'a text'            's/Goes on/Goes/'                       0 unchanged

refuses 3:8   "'x' is not a whole number"                   's/^minor: 1/minor: x/'
refuses 3:8   '70000 is over 65535'                         's/^minor: 1/minor: 70000/'
refuses 4:8   "'odd' is none of host, edge"                 's/^class: pure/class: odd/'
refuses 5:11  'wants one release for each minor'            's/, "0.2"//'
refuses 10:3  "'size_max' is given twice"                   '/size_max: {v/h; /size_max: {v/G'
refuses 18:1  "unknown key 'slot'"                          's/^slots/slot/'
refuses 1:1   "'doc' is missing"                            '/^doc:/d'
refuses 6:6   'may not begin or end a comment'              's|for this test|for */ this test|'
refuses 11:   'unknown type'                                's/weight: u64/weight: u65/'
refuses 11:   'differs between compilers'                   's/weight: u64/weight: bool/'
refuses 11:   'differs between compilers'                   's/weight: u64/weight: long/'
refuses 11:   'is a word of C or C++'                       's/weight: u64/class: u64/'
refuses 11:   'is not a name'                               's/weight: u64/Weight: u64/'
refuses 11:   'has no lists of its own'                     's/weight: u64/weights: "list<u64,9>"/'
refuses 11:3  "'key' is the name of a type"                 's/^  pair:/  key:/'
refuses 12:   "'pair' may grow"                             's/frozen: true/frozen: false/'
refuses 12:   'needs a limit, as in list<u64,100>'          's/"list<pair,size_max>", t/"list<pair>", t/'
refuses 12:   "no limit is named 'none_max'"                's/"list<pair,size_max>", t/"list<pair,none_max>", t/'
refuses 12:   'needs a limit, as in bytes<1024>'            's/text<9>/text/'
refuses 12:   'wants a closing >'                           's/text<9>/text<9/'
refuses 12:   'is for arguments'                            's/text<9>/span/'
refuses 15:   'ids are never used again'                    's/id: 2/id: 1/'
refuses 15:   '2 is over 1'                                 's/since: 1, fields/since: 2, fields/'
refuses 19:   "unknown key 'colour'"                        's/name: step,/name: step, colour: red,/'
refuses 19:   "'sometimes' is no word for this"             's/thread: loop/thread: sometimes/'
refuses 19:   'says how calls may overlap'                  's/thread: loop/thread: pool/'
refuses 19:   'only a slot that returns status has errors'  's/returns: status, errors/returns: u32, errors/'
refuses 19:   "unknown key 'oops'"                          's/no_space: full/oops: full/'
refuses 19:   "a sink, and nothing else, is owned as"       's/type: effects/type: sink/'
refuses 19:   'a slice is over 16 bytes'                    's/type: effects/type: slice/'
refuses 19:   "cannot return 'span'"                        's/returns: status, errors: {no_space: full}/returns: span/'
refuses 20:   'is no input list before this argument'       's/count: pairs/count: pear/'
refuses 20:   'with `count:` which input has as many'       's/, count: pairs//'
refuses 20:   'give it a sink'                              's/type: list<u32>, dir: out, count: pairs/type: loose, dir: out/'
refuses 20:   "there is a slot 'step' already"              's/name: look/name: step/'
refuses 20:   'tables grow at the end'                      's/name: step,/name: step, since: 1,/'
refuses 20:   'is none of shared, alone and serial'         's/overlap: shared/overlap: serial/'
refuses 21:   'is neither true nor false'                   's/optional: true/optional: yes/'
refuses 21:   "no limit is named 'none_max'"                's/max: size_max}}/max: none_max}}/'
refuses 22:   "'one' is in the list twice"                  's/\[one, two/[one, one/'
refuses 19:   'a table has 1 to 12 slots, not 15'           '/name: look/d; /name: late/{s/.*//;}; /name: step/{h;s/step/a/p;g;s/step/b/p;g;s/step/c/p;g;s/step/d/p;g;s/step/e/p;g;s/step/f/p;g;s/step/g/p;g;s/step/h/p;g;s/step/i/p;g;s/step/j/p;g;s/step/k/p;g;s/step/l/p;g;s/step/m/p;g;s/step/n/p;g;}'

refuses_manifest 3:7   'is not KIND/MAJOR'                       's|^kind: consensus/1|kind: consensus|'
refuses_manifest 3:7   "'consensus/2' is not consensus/1"        's|^kind: consensus/1|kind: consensus/2|'
refuses_manifest 4:7   'is not a name'                           's/^name: .*/name: Round_Robin/'
refuses_manifest 5:10  'is not three numbers'                    's/^version: .*/version: 1.0/'
refuses_manifest 7:10  'not one line of at most 120 bytes'       "s/^summary: .*/summary: $(printf '%0121d' 0)/"
refuses_manifest 9:8   'at least one lane'                       's/^lanes: .*/lanes: 0/'
refuses_manifest 10:9  'is not a number with its unit'           's/^memory: .*/memory: 3/'
refuses_manifest 11:   "'flies' is no flag"                      's/spawns_threads/flies/'
refuses_manifest 12:   'is not an extension'                     's|qnet.watch/1|watch|'
refuses_manifest 3:1   'two fields with tag 8 are equal'         's|x.other/2|qnet.files/1|'
refuses_manifest 16:   "'name' is missing"                       's/, name: seal//'
refuses_manifest 16:   'over 16 bytes'                           's/name: seal/name: sealed-with-a-kiss/'
refuses_manifest 16:   '70000 is over 65535'                     's/id: 2, name: seal/id: 70000, name: seal/'
refuses_manifest 16:1  "unknown key 'rules'"                     's/^steps:/rules:/'
refuses_manifest 18:   "'30' is outside -3..19"                  's/default: 3,/default: 30,/'
refuses_manifest 18:   'is not a whole number'                   's/default: 3,/default: 3.5,/'
refuses_manifest 18:   "'leagues' is no word for this"           's/unit: blocks/unit: leagues/'
refuses_manifest 18:3  "'use' is a key of the kernel's own"      's/  level:/  use:/'
refuses_manifest 18:3  'is not a key'                            's/  level:/  Level:/'
refuses_manifest 19:   "'64' is not a number with its unit"      's/default: 64MiB/default: 64/'
refuses_manifest 20:   'only an int has a unit'                  's/default: 30s/unit: blocks, default: 30s/'
refuses_manifest 21:   'is not a ratio'                          's/default: 0.25/default: 25/'
refuses_manifest 22:   'is neither true nor false'               's/default: true/default: yes/'
refuses_manifest 22:   'only numbers have'                       's/default: true/min: 1/'
refuses_manifest 23:   "'huge' is no word for this"              's/default: small-memory/default: huge/'
refuses_manifest 23:   'a choice, and nothing else, has'         's/values: \[fast, small-memory\], default: small-memory, //'
refuses_manifest 24:   'is not an address'                       's|tcp://127|127|'
refuses_manifest 25:   'a required key has no default'           's/flags: \[required, secret\]/flags: [required], default: x/'
refuses_manifest 26:   'wants a closing >'                       's/list<string>/list<string/'
refuses_manifest 26:   'over 256 bytes when encoded'             "s/localhost/$(printf '%0250d' 0)/"
refuses_manifest 28:   'a map holds texts'                       's/map<string>/map<int>/'
refuses_manifest 28:   'names of a map ascend'                   's/{a: one, b: two}/{b: one, a: two}/'
refuses_manifest 31:   "id 1 is that of 'packed_bytes'"          's/queue: {id: 2/queue: {id: 1/'
refuses_manifest 31:   'is neither counter nor gauge'            's/type: gauge/type: clock/'
