/* SPDX-License-Identifier: MIT */

#define _XOPEN_SOURCE 700 /* realpath */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/base/bech32m.h"
#include "kernel/qnet/client.h"
#include "kernel/qnet/net_own.h"
#include "kernel/qnet/place.h"

enum {
    BAN_MORE_S = 5, /* a ban is lifted by hand; this is for who is dead then */
    NODE_FILE_MAX = 1 << 18,
};

static void ignored(void *ctx, uint64_t tag, const json_t *answer)
{
    (void)ctx;
    (void)tag;
    (void)answer;
}

static void ban_set(struct qnk_net_child *at, const struct qnk_net_child *other, uint64_t seconds)
{
    char key[QNK_BECH32M_KEY_SIZE];
    json_t *params;

    qnk_bech32m_encode(QNK_PREFIX_NODE, other->node->key.bytes, key);
    params = seconds == 0 ? json_pack("{s:s}", "key", key)
                          : json_pack("{s:s, s:I, s:s}", "key", key, "seconds", (json_int_t)seconds,
                                      "reason", "partition");
    (void)qnk_link_ask(&at->link, seconds == 0 ? "peer.unban" : "peer.ban", params, ignored, NULL,
                       0);
}

static uint32_t group_of(const struct qnk_act *act, uint32_t node)
{
    uint32_t group = 0;

    if (act->event->action == QNK_ACTION_ISOLATE) {
        return act->node == node;
    }
    while (group < act->event->groups_count && (act->event->groups[group] >> node & 1) == 0) {
        group++;
    }
    return group;
}

static void split_set(struct qnk_net *net, const struct qnk_act *act, bool begins)
{
    uint64_t seconds = begins ? (act->until_ms - act->at_ms) / 1000 + BAN_MORE_S : 0;

    for (uint32_t a = 0; a < net->dev.count; a++) {
        for (uint32_t b = 0; b < net->dev.count; b++) {
            if (a != b && group_of(act, a) != group_of(act, b)) {
                ban_set(&net->children[a], &net->children[b], seconds);
            }
        }
    }
}

/* --- settings --- */

/* Its node file with other keys, whole or as it was. */
static bool settings_set(struct qnk_net_child *child, const struct qnk_tree *set)
{
    static char text[NODE_FILE_MAX];
    char path[QNK_NET_PATH], part[QNK_NET_PATH];
    struct qn_sink whole;
    bool is_done;
    size_t size;
    FILE *file;

    snprintf(path, sizeof path, "%.400s/node.yaml", child->node->folder);
    snprintf(part, sizeof part, "%.400s/node.yaml.part", child->node->folder);
    file = fopen(path, "r");
    size = file == NULL ? 0 : fread(text, 1, sizeof text, file);
    is_done = file != NULL && ferror(file) == 0 && size < sizeof text;
    if (file != NULL) {
        (void)fclose(file);
    }
    qnk_sink_init(&whole, &qnk_client_budget, NODE_FILE_MAX);
    is_done = is_done && qnk_spec_node_file(set, (struct qn_span){(const uint8_t *)text, size},
                                            &whole) == QN_OK;
    file = is_done ? fopen(part, "w") : NULL;
    is_done = file != NULL && fwrite(whole.data, 1, whole.size, file) == whole.size;
    is_done = file != NULL && fclose(file) == 0 && is_done && rename(part, path) == 0;
    qnk_sink_done(&whole);
    if (!is_done) {
        fprintf(stderr, "qnet: cannot write '%s': %s\n", path, strerror(errno));
    }
    return is_done;
}

static void signal_send(struct qnk_net_child *child, int number)
{
    if (child->pid != 0) {
        (void)uv_process_kill(&child->process, number);
    }
}

static void power_set(struct qnk_net_child *child, bool begins, int number)
{
    if (begins) {
        child->is_wanted = false;
        signal_send(child, number);
    } else if (child->pid == 0 && !child->is_waiting) {
        child->net->is_broken = !qnk_net_child_start(child) || child->net->is_broken;
    }
}

static void pause_set(struct qnk_net_child *child, bool begins)
{
    child->is_paused = begins && child->pid != 0;
    signal_send(child, begins ? SIGSTOP : SIGCONT);
}

static void act_do(struct qnk_net *net, struct qnk_act *act, bool begins)
{
    enum qnk_action action = act->event->action;
    struct qnk_net_child *child = act->node == QNK_COURSE_NOBODY ? NULL : &net->children[act->node];

    if (action == QNK_ACTION_PARTITION || action == QNK_ACTION_ISOLATE) {
        split_set(net, act, begins);
    } else if (action == QNK_ACTION_KILL) {
        power_set(child, begins, SIGKILL);
    } else if (action == QNK_ACTION_RESTART) {
        if (!begins && act->event->set != NULL && !settings_set(child, act->event->set)) {
            net->is_broken = true;
        }
        power_set(child, begins, SIGTERM);
    } else if (action == QNK_ACTION_START) {
        child->is_waiting = false;
        power_set(child, false, 0);
    } else if (action == QNK_ACTION_PAUSE) {
        pause_set(child, begins);
    } else if (action == QNK_ACTION_SWAP) {
        qnk_net_swap_begin(net, act);
    } else if (action == QNK_ACTION_INSTALL) {
        qnk_net_install(child, act->event);
    }
}

/* A node that is to start again, and has not come to its end yet, is waited for; one that something
 * else started in the meantime is not. */
static bool is_ready_to_end(const struct qnk_net *net, const struct qnk_act *act)
{
    enum qnk_action action = act->event->action;

    return (action != QNK_ACTION_KILL && action != QNK_ACTION_RESTART) ||
           net->children[act->node].pid == 0 || net->children[act->node].is_wanted;
}

void qnk_net_acts(struct qnk_net *net)
{
    uint64_t now_ms = qnk_net_now_ms(net);

    for (uint32_t i = 0; i < net->story->course.count; i++) {
        struct qnk_act *act = &net->story->course.acts[i];

        if (!act->has_begun && act->at_ms <= now_ms) {
            act->has_begun = true;
            qnk_story_act(net->story, act, now_ms * 1000, true);
            act_do(net, act, true);
        }
        if (act->has_begun && !act->is_over && act->until_ms > act->at_ms &&
            act->until_ms <= now_ms && is_ready_to_end(net, act)) {
            act->is_over = true;
            act->done_ms = now_ms;
            qnk_story_act(net->story, act, now_ms * 1000, false);
            act_do(net, act, false);
        }
    }
}

/* --- plugins that a node lacks --- */

static bool is_lacking(const struct qnk_spec_node *node, const char *kind, const char *name)
{
    char whole[200];

    snprintf(whole, sizeof whole, "%.90s/%.90s", kind, name);
    for (uint32_t i = 0; node->lacks[i] != NULL; i++) {
        if (strcmp(node->lacks[i], whole) == 0) {
            return true;
        }
    }
    return false;
}

/* Links to KIND/NAME.so or, of a build tree, KIND/NAME/.libs/NAME.so. */
static void kind_link(struct qnk_net_child *child, const char *from, const char *kind)
{
    char path[QNK_NET_PATH], target[2 * QNK_NET_PATH], source[2 * QNK_NET_PATH];
    struct dirent *entry;
    DIR *folder;

    snprintf(path, sizeof path, "%.500s/%.100s", from, kind);
    folder = opendir(path);
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        const char *name = entry->d_name;
        size_t size = strlen(name);
        bool is_file = size > 3 && strcmp(name + size - 3, ".so") == 0;
        int length = (int)(is_file ? size - 3 : size);
        char bare[100];

        snprintf(bare, sizeof bare, "%.*s", length < 99 ? length : 99, name);
        if (name[0] == '.' || is_lacking(&child->net->spec->nodes[child->index], kind, bare)) {
            continue;
        }
        if (is_file) {
            snprintf(source, sizeof source, "%s/%s", path, name);
        } else {
            snprintf(source, sizeof source, "%s/%s/.libs/%s.so", path, bare, bare);
        }
        snprintf(target, sizeof target, "%.400s/plugins/%s/%s.so", child->node->folder, kind, bare);
        if (access(source, R_OK) == 0) {
            (void)!symlink(source, target);
        }
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
}

bool qnk_net_lacks_make(struct qnk_net_child *child)
{
    static const char *const kinds[] = {"transport", "storage", "compression", "producer",
                                        "consensus", "ledger",  "signature",   "service"};
    const char *from = qnk_place_search();
    char path[QNK_NET_PATH], whole[4096];

    if (child->net->spec->nodes[child->index].lacks[0] == NULL) {
        return true;
    }
    if (from == NULL || strchr(from, ':') != NULL || realpath(from, whole) == NULL ||
        strlen(whole) > 500) {
        fprintf(stderr, "qnet: 'lacks' wants QN_PLUGIN_PATH to be one folder of plugins\n");
        return false;
    }
    snprintf(path, sizeof path, "%.400s/plugins", child->node->folder);
    (void)mkdir(path, 0755);
    for (uint32_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        snprintf(path, sizeof path, "%.400s/plugins/%s", child->node->folder, kinds[i]);
        if (mkdir(path, 0755) != 0 && errno != EEXIST) {
            fprintf(stderr, "qnet: cannot make '%s': %s\n", path, strerror(errno));
            return false;
        }
        kind_link(child, whole, kinds[i]);
    }
    return true;
}
