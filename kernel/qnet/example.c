/* SPDX-License-Identifier: MIT */

#include "kernel/qnet/example.h"

#include <string.h>

void qnk_example_put(FILE *out, const char *type, const char *network, const char *name)
{
    fprintf(
        out,
        "version: qnet.node/v1\n"
        "network: %s            # the rules, the same bytes on every node; relative to this file\n"
        "name: %s\n"
        "type: %s                      # light: headers and proofs; full: everything; super: "
        "votes\n"
        "# data: /var/lib/qnet/%s      # left out: the usual folder\n"
        "keys:\n"
        "  node: node.key                 # made by: qnet key new --purpose node node.key\n",
        network, name, type, name);
    fprintf(out,
            "%s  validator: validator.key       # made by: qnet key new --purpose validator ...\n",
            strcmp(type, "super") == 0 ? "" : "  # only a super node has one\n  # ");
    fprintf(out,
            "peers: []                        # \"qnp1...@HOST:PORT\", who is dialled first\n"
            "transport: {use: nanomsg, listen: \"tcp://127.0.0.1:9876\"}\n"
            "storage: {use: lmdb}\n"
            "compression: {use: zstd, level: 3}\n"
            "signature: sodium\n"
            "service: []\n"
            "log: {level: info, format: auto}\n"
            "trust: {policy: warn}            # enforce: only plugins that plugins.lock names\n"
            "index: {txs: true}               # finds final transactions by id\n"
            "# input_log: on                  # records all that happens, for `qnet replay`\n");
}
