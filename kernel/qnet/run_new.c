/* SPDX-License-Identifier: MIT */

/* run_new.c: the first source of a plugin of one's own. */

#include "kernel/plugin/kind.h"
#include "kernel/qnet/place.h"
#include "kernel/qnet/runs.h"
#include "kernel/qnet/show.h"
#include "kernel/qnet/template.h"

static int usage(const struct qnk_template *it)
{
    const struct qnk_kind *kind;

    if (qnk_kind_find(it->kind) == NULL) {
        fprintf(stderr, "qnet: '%s' is no kind of plugin; kinds are", it->kind);
        for (uint32_t i = 0; (kind = qnk_kind_at(i)) != NULL; i++) {
            fprintf(stderr, "%s %s", i > 0 ? "," : "", kind->table.name);
        }
        fputs("\n", stderr);
    } else {
        fprintf(stderr,
                "qnet: a plugin cannot be called '%s': up to 32 of a-z, 0-9 and -, first a letter, "
                "last no -\n",
                it->name);
    }
    return QNK_CLI_USAGE;
}

static void answer_json(const struct qnk_template *it, const struct qnk_template_files *files)
{
    json_t *names = json_array();

    for (uint32_t i = 0; i < files->count; i++) {
        json_array_append_new(names, json_string(files->names[i]));
    }

    json_t *answer = json_pack("{s:s, s:s, s:s, s:o}", "kind", it->kind, "name", it->name, "folder",
                               it->into, "files", names);

    qnk_json_print(answer);
    json_decref(answer);
}

static void answer_text(const struct qnk_template *it, const struct qnk_template_files *files)
{
    printf("%s/\n", it->into);
    for (uint32_t i = 0; i < files->count; i++) {
        printf("  %s\n", files->names[i]);
    }
    printf("next: cd %s && make && qnet plugin check ./%s.so\n", it->into, it->name);
}

int qnk_run_plugin_new(struct qnk_call *call)
{
    const char *folder = qnk_call_text(call, "templates");
    const char *into = qnk_call_text(call, "dir");
    struct qnk_template it = {
        .folder = folder != NULL ? folder : qnk_place_templates(),
        .kind = call->operands[0],
        .name = call->operands[1],
        .into = into != NULL ? into : call->operands[1],
    };
    struct qnk_template_files files;
    char why[QNK_TEMPLATE_WHY] = "";

    if (qnk_kind_find(it.kind) == NULL || !qnk_template_is_name(it.name)) {
        return usage(&it);
    }
    if (qnk_template_copy(&it, &files, why) != QN_OK) {
        fprintf(stderr, "qnet: %s\n", why);
        return QNK_CLI_FAILED;
    }
    if (call->json) {
        answer_json(&it, &files);
    } else if (!call->quiet) {
        answer_text(&it, &files);
    }
    return QNK_CLI_OK;
}
