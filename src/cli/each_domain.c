/* SPDX-License-Identifier: BSD-2-Clause */
#include "each_domain.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "containers.h"
#include "exit_status.h"
#include "inventory.h"
#include "output.h"

struct each {
    struct hf_invocation *inv;
    json_t *rows;
    char **operands; /* the container's place first, then those that were given */
    size_t matched, failed;
    int worst;
};

static void report(struct each *e, const struct hf_inventory_row *domain, int status, const char *said, json_t *own,
                   const struct hf_error *err)
{
    json_t *row = hf_append_object(e->rows);

    hf_put_text(row, "domain", domain->name);
    hf_put_text(row, "container", domain->container[0] ? domain->container : NULL);
    hf_put_number(row, "exit_status", status);
    if (err)
        hf_put_error(row, err, status);
    else
        hf_put(row, "report", json_incref(own));
    hf_say(e->inv, "%s: %s", domain->name, err ? err->text : said);
    e->failed += status != 0;
    e->worst = status > e->worst ? status : e->worst;
}

static int run_one(struct each *e, const struct hf_inventory_row *domain, struct hf_error *err)
{
    struct hf_invocation one = *e->inv;
    char said[HF_SAID_SIZE] = "done", path[PATH_MAX];
    struct hf_error own = {.code = HF_OK};
    int r;

    memcpy(path, domain->container, sizeof path);
    e->operands[0] = path;
    one.operands = e->operands;
    one.operand_count++;
    one.report = json_object();
    one.said = said;
    if (!one.report)
        return hf_error_nomem(err);
    r = domain->container[0] ? one.verb->run(&one, &own) : hf_error_set(&own, HF_EDAMAGED, "%s", domain->problem);
    report(e, domain, r < 0 ? hf_exit_status(r) : r, said, one.report, r < 0 ? &own : NULL);
    json_decref(one.report);
    return 0;
}

static int run_all(struct each *e, const struct hf_inventory *list, struct hf_error *err)
{
    const char *glob = hf_value(e->inv, "match");
    int r = 0;

    for (size_t i = 0; r == 0 && i < list->count; i++) {
        if (glob && fnmatch(glob, list->rows[i].name, 0) != 0)
            continue;
        e->matched++;
        r = run_one(e, &list->rows[i], err);
    }
    if (r == 0 && !e->matched && glob)
        r = hf_error_set(err, HF_ENOTFOUND,
                         "--match '%s': no adopted domain has such a name; see 'holdfast libvirt list'", glob);
    else if (r == 0 && !e->matched)
        r = hf_error_set(err, HF_ENOTFOUND, "--all: no domain of this host is adopted");
    return r;
}

int hf_each_domain(struct hf_invocation *inv, struct hf_error *err)
{
    hf_auto(hf_inventory_done) struct hf_inventory list = {.rows = NULL};
    hf_auto(hf_cleanup_free) char **operands = calloc((size_t)inv->operand_count + 2, sizeof *operands);
    struct each e = {.inv = inv, .operands = operands};
    int r = operands ? hf_inventory_read(NULL, HF_INVENTORY_NAMES, hf_now(), &list, err) : hf_error_nomem(err);

    if (r < 0)
        return r;
    memcpy(operands + 1, inv->operands, (size_t)inv->operand_count * sizeof *operands);
    hf_put_bool(inv->report, "dry_run", inv->dry_run);
    e.rows = hf_put_array(inv->report, "domains");
    r = run_all(&e, &list, err);
    if (r < 0)
        return r;
    hf_put_number(inv->report, "failed", (int64_t)e.failed);
    return e.worst;
}
