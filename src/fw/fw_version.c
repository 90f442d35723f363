/* SPDX-License-Identifier: BSD-2-Clause */
#include <holdfast/fw_version.h>

int hf_fw_version(void)
{
    return HF_FW_VERSION;
}
