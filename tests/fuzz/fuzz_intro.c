/* SPDX-License-Identifier: BSD-2-Clause */
/* What the source of a domain's move says first: refused, or nothing in it leads out of its place. */
#include "fuzz.h"

#include "intro.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct hf_intro intro;

    if (hf_intro_parse((const char *)bytes, size, &intro, NULL) < 0)
        return 0;
    MUST(strlen(intro.adoption.uuid) == 36 && !strchr(intro.adoption.uuid, '/'));
    MUST(intro.adoption.name[0] && !strchr(intro.adoption.name, '/'));
    MUST(!intro.adoption.container[0] && !intro.adoption.nvram[0] && !intro.adoption.has_published);
    MUST(intro.original);
    hf_intro_done(&intro);
    return 0;
}
