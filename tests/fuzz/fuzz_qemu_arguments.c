/* SPDX-License-Identifier: BSD-2-Clause */
/* Any words are read or refused with a reason; words that name firmware outright are never read. Words end at line
 * ends. */
#include "fuzz.h"

#include "arguments.h"
#include "stub_arguments.h"

#define WORDS 64

/* Whatever they are, what is kept of them comes back as it was. */
static void stub(int argc, char *const *argv)
{
    struct hf_stub first, again;
    char *text;

    if (hf_stub_arguments(argc, argv, &first, NULL) < 0)
        return;
    text = hf_stub_dump(&first);
    if (text && hf_stub_load(text, &again, NULL) == 0) {
        MUST(again.words.count == first.words.count && again.left_out.count == first.left_out.count);
        hf_stub_done(&again);
    }
    free(text);
    hf_stub_done(&first);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const struct hf_arguments_guest guest = {.architecture = "x86_64", .machine = "q35", .needs_smm = true};
    char *text = malloc(size + 1), *rest = text, *argv[WORDS + 3];
    struct hf_arguments out;
    struct hf_error err = {.text = ""};
    int argc = 0;

    MUST(text);
    memcpy(text, bytes, size);
    text[size] = '\0';
    while (argc < WORDS && rest)
        argv[argc++] = strsep(&rest, "\n");
    if (hf_arguments_read(argc, argv, &guest, &out, &err) < 0)
        MUST(err.text[0]);
    else
        MUST(strlen(out.machine) < sizeof out.machine && (out.only_asks || out.smm != HF_SWITCH_OFF));
    stub(argc, argv);
    argv[argc++] = (char *)"x"; /* the last word may be an option that takes an argument */
    argv[argc++] = (char *)"--bios";
    argv[argc++] = (char *)"x";
    MUST(hf_arguments_read(argc, argv, &guest, &out, &err) < 0);
    free(text);
    return 0;
}
