/* SPDX-License-Identifier: BSD-2-Clause */
#include "stub_arguments.h"

#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "cleanup.h"
#include "stubbing.h"

/* clang-format off */
/* What is not here goes without a word: displays, monitors, logs, accelerators, what is for one start only. */
static const struct {
    const char *option;
    hf_stub_fn *fn;
} table[] = {
    {"machine", hf_stub_machine}, {"M", hf_stub_machine}, {"device", hf_stub_device}, {"object", hf_stub_object},
    {"drive", hf_stub_drive}, {"blockdev", hf_stub_blockdev}, {"hda", hf_stub_disk}, {"hdb", hf_stub_disk},
    {"hdc", hf_stub_disk}, {"hdd", hf_stub_disk}, {"cdrom", hf_stub_disk}, {"fda", hf_stub_disk},
    {"fdb", hf_stub_disk}, {"sd", hf_stub_disk}, {"netdev", hf_stub_backend}, {"chardev", hf_stub_backend},
    {"audiodev", hf_stub_backend}, {"fsdev", hf_stub_backend}, {"nic", hf_stub_nic}, {"net", hf_stub_net},
    {"serial", hf_stub_console}, {"parallel", hf_stub_console}, {"debugcon", hf_stub_console},
    {"nographic", hf_stub_nographic}, {"boot", hf_stub_boot}, {"smbios", hf_stub_smbios}, {"fw_cfg", hf_stub_fw_cfg},
    {"set", hf_stub_set}, {"cpu", hf_stub_cpu}, {"audio", hf_stub_audio}, {"usbdevice", hf_stub_usbdevice},
    {"m", hf_stub_keep}, {"smp", hf_stub_keep}, {"numa", hf_stub_keep}, {"global", hf_stub_global},
    {"vga", hf_stub_keep}, {"usb", hf_stub_keep}, {"nodefaults", hf_stub_keep}, {"no-user-config", hf_stub_keep},
    {"no-hpet", hf_stub_keep}, {"no-acpi", hf_stub_keep}, {"no-fd-bootchk", hf_stub_keep}, {"rtc", hf_stub_keep},
    {"watchdog", hf_stub_keep}, {"g", hf_stub_keep}, {"acpitable", hf_stub_leave_out}, {"kernel", hf_stub_leave_out},
    {"initrd", hf_stub_leave_out}, {"append", hf_stub_leave_out}, {"dtb", hf_stub_leave_out},
    {"shim", hf_stub_leave_out}, {"option-rom", hf_stub_leave_out}, {"virtfs", hf_stub_leave_out},
    {"tpmdev", hf_stub_leave_out}, {"mtdblock", hf_stub_leave_out}, {"plugin", hf_stub_leave_out},
};
/* clang-format on */

static int stub_option(struct hf_stubbing *s, const char *text, struct hf_error *err)
{
    int r = 0;

    for (size_t i = 0; i < HF_ARRAY_SIZE(table); i++) {
        if (strcmp(table[i].option, s->option) == 0) {
            r = table[i].fn(s, text, err);
            break;
        }
    }
    free(s->text);
    if (s->bad)
        s->stub.words.bad = true;
    *s = (struct hf_stubbing){.stub = s->stub};
    return r;
}

int hf_stub_arguments(int argc, char *const *argv, struct hf_stub *ret, struct hf_error *err)
{
    struct hf_stubbing s = {.option = NULL};
    int r = 0;

    for (int at = 0; r == 0 && at < argc;) {
        const char *word = argv[at++], *text = NULL;
        bool takes = false, is_option = word[0] == '-' && word[1] != '\0';

        s.option = is_option ? word + (word[1] == '-' ? 2 : 1) : "hda";
        if (is_option && !hf_arguments_knows(s.option, &takes))
            takes = at < argc && argv[at][0] != '-';
        if (takes && at == argc)
            r = hf_error_set(err, HF_EUSAGE, "-%s: argument missing", s.option);
        else if (r == 0 && takes)
            text = argv[at++];
        if (r == 0)
            r = stub_option(&s, is_option ? text : word, err);
    }
    if (r == 0 && (s.stub.words.bad || s.stub.left_out.bad))
        r = hf_error_nomem(err);
    if (r < 0)
        hf_stub_done(&s.stub);
    else
        *ret = s.stub;
    return r;
}

void hf_stub_done(struct hf_stub *stub)
{
    hf_words_done(&stub->words);
    hf_words_done(&stub->left_out);
}

/* ---- kept ---- */

static json_t *words_json(const struct hf_words *words)
{
    json_t *array = json_array();

    for (size_t i = 0; i < words->count; i++)
        json_array_append_new(array, json_string(words->at[i]));
    return array;
}

char *hf_stub_dump(const struct hf_stub *stub)
{
    json_t *json = json_pack("{s:o, s:o}", "words", words_json(&stub->words), "left-out", words_json(&stub->left_out));
    char *text = json ? json_dumps(json, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;

    json_decref(json);
    return text;
}

static bool load_words(const json_t *json, const char *key, struct hf_words *words)
{
    const json_t *array = json_object_get(json, key);

    for (size_t i = 0; i < json_array_size(array); i++) {
        if (!json_is_string(json_array_get(array, i)))
            return false;
        hf_words_add(words, json_string_value(json_array_get(array, i)));
    }
    return json_is_array(array) && !words->bad;
}

/* The words are a stranger's once the container has moved: they go through the same sieve as an owner's do. */
int hf_stub_load(const char *text, struct hf_stub *ret, struct hf_error *err)
{
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    hf_auto(hf_words_done) struct hf_words words = {0};
    struct hf_stub stub = {0};
    bool good = json && load_words(json, "words", &words) &&
                hf_stub_arguments((int)words.count, words.at, &stub, NULL) == 0 &&
                load_words(json, "left-out", &stub.left_out);

    json_decref(json);
    if (!good) {
        hf_stub_done(&stub);
        return hf_error_set(err, HF_EDAMAGED, "the recorded arguments of the machine cannot be read");
    }
    *ret = stub;
    return 0;
}
