/* SPDX-License-Identifier: BSD-2-Clause */
#include "key_report.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"

int hf_key_state_of_source(const struct hf_var_source *source, struct hf_key_state *state, struct hf_error *err)
{
    size_t count;
    const struct hf_var *vars = hf_var_source_vars(source, &count);

    return hf_key_state_read(vars, count, state, err);
}

/* What keeps the file from being opened, as opposed to what is in it. */
static bool is_about_the_file(int r)
{
    return r == -HF_ENOTFOUND || r == -HF_EIO || r == -HF_ENOMEM || r == -HF_EOWNED;
}

int hf_key_state_of_file(const char *path, struct hf_key_state *state, struct hf_error *err)
{
    hf_auto(hf_var_source_done) struct hf_var_source source = {0};
    struct hf_error why;
    int r = hf_var_source_open(path, NULL, NULL, &source, &why);

    if (r == 0)
        return hf_key_state_of_source(&source, state, err);
    if (is_about_the_file(r)) {
        if (err)
            *err = why;
        return r;
    }
    hf_key_state_unreadable(why.text, state);
    return 0;
}

void hf_put_key_words(json_t *object, enum hf_key_mode mode, enum hf_key_verdict verdict, const char *words)
{
    hf_put_text(object, "mode", verdict != HF_KEYS_UNREADABLE ? hf_key_mode_text(mode) : NULL);
    hf_put_text(object, "verdict", hf_key_verdict_text(verdict));
    hf_put_text(object, "words", words);
    hf_put_bool(object, "needs_something", hf_key_verdict_needs(verdict));
}

void hf_put_key_verdict(json_t *object, const struct hf_key_state *state)
{
    hf_put_key_words(object, state->mode, state->verdict, state->words);
}

void hf_key_line(const struct hf_invocation *inv, const struct hf_key_state *state)
{
    hf_put_key_verdict(hf_put_object(inv->report, "keys"), state);
    hf_field(inv, "Keys", "%s", state->words);
}

int hf_key_line_of_source(const struct hf_invocation *inv, const struct hf_var_source *source, struct hf_error *err)
{
    struct hf_key_state state;
    int r = hf_key_state_of_source(source, &state, err);

    if (r < 0)
        return r;
    hf_key_line(inv, &state);
    hf_key_state_done(&state);
    return 0;
}

const char *hf_fingerprint_text(const uint8_t sha256[HF_CERTIFICATE_SHA256], char text[HF_FINGERPRINT_TEXT])
{
    for (size_t i = 0; i < HF_CERTIFICATE_SHA256; i++)
        (void)snprintf(text + 2 * i, 3, "%02x", sha256[i]);
    return text;
}

const char *hf_day_text(int64_t seconds, char text[HF_DAY_TEXT])
{
    time_t t = (time_t)seconds;
    struct tm tm;

    if (!gmtime_r(&t, &tm) || !strftime(text, HF_DAY_TEXT, "%Y-%m-%d", &tm))
        (void)snprintf(text, HF_DAY_TEXT, "?");
    return text;
}
