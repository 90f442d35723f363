/* SPDX-License-Identifier: BSD-2-Clause */
#include "show_parts.h"

#include "banks.h"
#include "fill_report.h"
#include "key_report.h"
#include "snapshots.h"
#include "variables.h"
#include "writeback.h"

int hf_show_variables(const struct hf_invocation *inv, struct hf_container *c, struct hf_error *err)
{
    char size_text[HF_SIZE_TEXT_MAX], text[HF_DIGEST_SHORT_SIZE];
    struct hf_digest digest;
    uint64_t size;
    json_t *vars;
    int r = hf_bank_size(c, HF_BANK_VARS, &size, err);

    if (r == -HF_ENOTFOUND) {
        hf_put(inv->report, "vars", json_null());
        hf_field(inv, "Variables", "none");
        return 0;
    }
    if (r == 0)
        r = hf_bank_digest(c, HF_BANK_VARS, &digest, err);
    if (r < 0)
        return r;
    vars = hf_put_object(inv->report, "vars");
    hf_put_number(vars, "size", (int64_t)size);
    hf_put_digest(vars, "sha256", &digest);
    hf_field(inv, "Variables", "%s  %s", hf_size_text(size, size_text), hf_digest_short(&digest, text));
    return 0;
}

/* Whether the Secure Boot keys need something, and whether the store is nearly full; nothing for a guest without
 * variables. */
int hf_show_keys(const struct hf_invocation *inv, struct hf_container *c, struct hf_error *err)
{
    struct hf_key_state state;
    struct hf_variables v;
    int r = hf_variables_of_bank(c, &v, err);

    if (r < 0)
        return r;
    if (v.readable)
        r = hf_key_state_read(v.store.vars, v.store.count, &state, err);
    else
        hf_key_state_unreadable(v.why.text, &state);
    if (r == 0 && v.bytes)
        hf_key_line(inv, &state);
    if (r == 0 && v.readable)
        hf_fill_line(inv, json_object_get(inv->report, "vars"), &v.store);
    if (r == 0)
        hf_key_state_done(&state);
    hf_variables_done(&v);
    return r;
}

int hf_show_snapshots(const struct hf_invocation *inv, struct hf_container *c, struct hf_error *err)
{
    json_t *rows = hf_put_array(inv->report, "snapshots");
    struct hf_snapshot list[HF_SNAPSHOTS_MAX];
    char when[HF_TIME_TEXT_MAX];
    size_t count;
    int r = hf_snapshot_list(c, list, &count, err);

    for (size_t i = 0; r == 0 && i < count; i++) {
        json_t *row = hf_append_object(rows);

        hf_put_number(row, "id", list[i].id);
        hf_put_number(row, "taken", list[i].taken);
        hf_put_text(row, "reason", list[i].reason);
        hf_put_bool(row, "pinned", list[i].pinned);
        hf_field(inv, i ? "" : "Snapshots", "%lld  %s  %s%s", (long long)list[i].id, hf_time_text(list[i].taken, when),
                 list[i].reason, list[i].pinned ? " (a slot needs it)" : "");
    }
    return r;
}

/* Flash writes that the guest made and the container does not hold. */
int hf_show_writes(const struct hf_invocation *inv, struct hf_container *c, struct hf_error *err)
{
    char since[HF_TIME_TEXT_MAX], size[HF_SIZE_TEXT_MAX];
    struct hf_queue_state q;
    json_t *o;

    (void)err;
    if (hf_writeback_look(c, &q, NULL) < 0 || !hf_queue_is_behind(&q)) {
        hf_put(inv->report, "behind", json_null());
        return 0;
    }
    o = hf_put_object(inv->report, "behind");
    hf_put_number(o, "since", q.behind_since);
    hf_put_number(o, "bytes", (int64_t)q.bytes);
    hf_field(inv, "Writes", "behind since %s: %s of flash writes could not be stored yet",
             hf_time_text(q.behind_since, since), hf_size_text(q.bytes, size));
    return 0;
}
