/* SPDX-License-Identifier: BSD-2-Clause */
#include "host_offer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "banks.h"
#include "descriptors.h"
#include "settings.h"
#include "slots.h"

void hf_host_offer_done(struct hf_host_offer *o)
{
    free(o->bytes);
    memset(o, 0, sizeof *o);
}

/* What to look for. An image that came from a snapshot or a file that is gone leaves only the setting. */
static int wanted_name(struct hf_container *c, char *name, size_t size, struct hf_error *err)
{
    char value[HF_SETTING_VALUE_SIZE];
    struct hf_slot_info active;
    int r = hf_setting_get(c, "firmware", value, err);

    if (r < 0)
        return r;
    if (value[0]) {
        (void)snprintf(name, size, "%s", value);
        return 0;
    }
    r = hf_slot_get(c, HF_SLOT_ACTIVE, &active, err);
    if (r == 0)
        (void)snprintf(name, size, "%s", active.origin);
    return r;
}

static int read_firmware(const struct hf_host_offer_place *place, const char *name, struct hf_host_offer *o,
                         struct hf_error *err)
{
    struct hf_host_firmware_query query = {
        .name = name, .architecture = place->architecture, .machine = place->machine, .qemu = place->qemu};
    struct hf_host_firmware found = {0};
    uint64_t size = 0;
    int r = hf_host_firmware_find(&query, NULL, &found, err);

    if (r == 0)
        r = hf_host_firmware_read(&found, false, HF_BANK_SIZE_MAX, &o->bytes, &size, err);
    if (r == 0)
        (void)snprintf(o->origin, sizeof o->origin, "%s", found.code);
    hf_host_firmware_done(&found);
    o->offer = (struct hf_offer){.bytes = o->bytes, .size = (size_t)size, .origin = o->origin};
    return r;
}

int hf_host_offer_find(struct hf_container *c, const struct hf_host_offer_place *place, struct hf_boot *boot,
                       struct hf_host_offer *o, struct hf_error *err)
{
    char name[512];
    struct hf_error why;
    bool wants;
    int r = hf_lifecycle_wants_offer(c, boot, &wants, err);

    if (r == 0 && wants)
        r = wanted_name(c, name, sizeof name, err);
    if (r < 0 || !wants)
        return r;
    if (!name[0] || read_firmware(place, name, o, &why) < 0) {
        (void)snprintf(o->why, sizeof o->why, "%.250s", name[0] ? why.text : "setting 'firmware' is empty");
        boot->no_offer = o->why;
        return 0;
    }
    boot->offer = &o->offer;
    return 0;
}
