/* SPDX-License-Identifier: BSD-2-Clause */
#include "var_write.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "loop.h"
#include "output.h"

static struct hf_var_place place_of(const struct hf_invocation *inv, const struct hf_var_note *note)
{
    return (struct hf_var_place){.out = hf_value(inv, "out"),
                                 .backup = hf_value(inv, "backup"),
                                 .note = note ? *note : (struct hf_var_note){.kind = NULL},
                                 .dry_run = inv->dry_run,
                                 .tpm_aware = hf_given(inv, "tpm-aware")};
}

int hf_var_target_check(const struct hf_invocation *inv, const char *path, struct hf_error *err)
{
    const struct hf_var_place place = place_of(inv, NULL);
    int r = hf_var_place_check(path, &place, err);

    if (r < 0 || hf_var_is_container(path))
        return r;
    if (hf_given(inv, "out") == hf_given(inv, "in-place"))
        return hf_error_set(err, HF_EUSAGE, "output: give one of --out NEW, --in-place");
    return 0;
}

int hf_var_again(struct hf_invocation *inv, int (*change)(struct hf_invocation *inv, struct hf_error *err),
                 struct hf_error *err)
{
    int64_t until = hf_loop_now() + HF_VAR_PATIENCE_S * 1000;

    for (;;) {
        int r = change(inv, err);

        if (r >= 0 || !hf_error_is_rule(err, "changed") || hf_loop_now() > until)
            return r;
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000 * (1 + getpid() % 20)}, NULL);
    }
}

int hf_var_source_write(struct hf_var_source *source, const struct hf_var_note *note, struct hf_invocation *inv,
                        struct hf_error *err)
{
    const struct hf_var_place place = place_of(inv, note);
    struct hf_var_written written;
    int r = hf_var_place_write(source, &place, &written, err);

    if (r < 0)
        return r;
    hf_put_text(inv->report, "written", written.path);
    hf_put_bool(inv->report, "dry_run", inv->dry_run);
    if (source->kind == HF_VARS_CONTAINER) {
        hf_say(inv, "%s the variables of %s", inv->dry_run ? "would change" : "changed", written.path);
        return 0;
    }
    hf_put_number(inv->report, "bytes", (int64_t)written.size);
    if (written.kept[0])
        hf_put_text(inv->report, "kept", written.kept);
    hf_say(inv, "%s %s%s%s", inv->dry_run ? "would write" : "wrote", written.path,
           written.kept[0] ? "; the old file is kept as " : "", written.kept);
    return 0;
}
