/* SPDX-License-Identifier: BSD-2-Clause */
#include "epochs_entry.h"

#include <stdio.h>
#include <string.h>

bool hf_epoch_parse(char *text, struct hf_epoch *seen)
{
    char *save = NULL;
    unsigned long long number;
    unsigned got = 0;

    memset(seen, 0, sizeof *seen);
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        if (sscanf(line, "epoch %llu", &number) == 1) {
            seen->epoch = number;
            got |= 1;
        } else if (sscanf(line, "departed %llu", &number) == 1) {
            seen->departed = number > 0;
            seen->granted = number == 2;
            got |= 2;
        } else if (strncmp(line, "host-id ", 8) == 0) {
            snprintf(seen->host_id, sizeof seen->host_id, "%.*s", HF_ID_TEXT_SIZE - 1, line + 8);
        } else if (strncmp(line, "host-name ", 10) == 0) {
            snprintf(seen->host_name, sizeof seen->host_name, "%.*s", HF_HOST_NAME_SIZE - 1, line + 10);
        } else if (strncmp(line, "uuid ", 5) == 0) {
            snprintf(seen->uuid, sizeof seen->uuid, "%.*s", HF_UUID_TEXT_SIZE - 1, line + 5);
        } else if (sscanf(line, "revoked %llu", &number) == 1) {
            seen->revoked = number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
        } else if (strncmp(line, "place ", 6) == 0) {
            snprintf(seen->place, sizeof seen->place, "%s", line + 6);
        } else if (strcmp(line, "end") == 0) {
            got |= 4;
        }
    }
    return got == 7 && seen->epoch > 0;
}

size_t hf_epoch_format(const struct hf_epoch *seen, char text[HF_EPOCH_TEXT_MAX])
{
    return (size_t)snprintf(text, HF_EPOCH_TEXT_MAX,
                            "epoch %llu\ndeparted %d\nhost-id %s\nhost-name %s\nuuid %s\nrevoked %u\nplace %s\nend\n",
                            (unsigned long long)seen->epoch, seen->granted ? 2 : seen->departed, seen->host_id,
                            seen->host_name, seen->uuid, seen->revoked, seen->place);
}
