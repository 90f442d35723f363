/* SPDX-License-Identifier: BSD-2-Clause */
#include "var_rule.h"

#include <string.h>

#include "cleanup.h"

#define GLOBAL   HF_GUID(0x8be4df61, 0x93ca, 0x11d2, 0xaa0d, 0x00e098032b8c)
#define SECURITY HF_GUID(0xd719b2cb, 0x3d3a, 0x4596, 0xa3bc, 0xdad00e67656f)
#define ENABLE   HF_GUID(0xf0a30bc7, 0xaf08, 0x4556, 0x99c4, 0x001009c93a44)
#define CUSTOM   HF_GUID(0xc076ec0c, 0x7028, 0x4399, 0xa072, 0x71ee5c448b9f)
#define VENDOR   HF_GUID(0x9073e4e0, 0x60ec, 0x4b6e, 0x9903, 0x4c223c260f3c)
#define CERTDB   HF_GUID(0xd9bee56e, 0x75dc, 0x49d9, 0xb4d7, 0xb534210f637a)
#define MTC      HF_GUID(0xeb704011, 0x1402, 0x11d3, 0x8e77, 0x00a0c969723b)
#define SHIM     HF_GUID(0x605dab50, 0xe046, 0x4300, 0xabb6, 0x3dd810dd8b23)

enum {
    NV_BS = HF_VAR_NON_VOLATILE | HF_VAR_BOOT,
    NV_BS_RT = NV_BS | HF_VAR_RUNTIME,
    BY_KEY = NV_BS_RT | HF_VAR_TIME_AUTHENTICATED,
};

#define UEFI_GLOBAL "UEFI specification 2.10, 3.3"
#define UEFI_OPTION "UEFI specification 2.10, 3.1.3"
#define UEFI_ORDER  "UEFI specification 2.10, 3.1.1"
#define UEFI_HOTKEY "UEFI specification 2.10, 3.1.6"
#define UEFI_KEYS   "UEFI specification 2.10, 32.3"
#define UEFI_DB     "UEFI specification 2.10, 32.4.1"
#define EDK2_AUTH   "edk2, SecurityPkg/Include/Guid/AuthenticatedVariableFormat.h"
#define EDK2_MTC    "edk2, MdeModulePkg/Include/Guid/MtcVendor.h"
#define SHIM_MOK    "shim, MokVars.txt"
#define SHIM_SBAT   "shim, SBAT.md"
/* What an operating system asks shim for: MokVars.txt, "Request variables": BS,RT,NV. */
#define SHIM_ASKED "shim, MokVars.txt"
/* Requests that MokVars.txt does not list. */
#define MOKUTIL "mokutil, src/mokutil.c, update_request()"

static const struct hf_var_rule rules[] = {
    {"PK", GLOBAL, HF_FORM_KEY, BY_KEY, HF_PART_KEYS, UEFI_KEYS, "pk"},
    {"KEK", GLOBAL, HF_FORM_SIGNATURES, BY_KEY, HF_PART_KEYS, UEFI_KEYS, "kek"},
    {"db", SECURITY, HF_FORM_SIGNATURES, BY_KEY, HF_PART_KEYS, UEFI_DB, "db"},
    {"dbx", SECURITY, HF_FORM_SIGNATURES, BY_KEY, HF_PART_KEYS, UEFI_DB, "dbx"},
    {"dbt", SECURITY, HF_FORM_SIGNATURES, BY_KEY, HF_PART_KEYS, UEFI_DB, NULL},
    {"dbr", SECURITY, HF_FORM_SIGNATURES, BY_KEY, HF_PART_KEYS, UEFI_DB, NULL},
    {"certdb", CERTDB, HF_FORM_CERTDB, BY_KEY, HF_PART_KEYS, EDK2_AUTH, NULL},
    {"SecureBootEnable", ENABLE, HF_FORM_BOOLEAN, NV_BS, HF_PART_KEYS, EDK2_AUTH, NULL},
    {"CustomMode", CUSTOM, HF_FORM_BOOLEAN, NV_BS, HF_PART_KEYS, EDK2_AUTH, NULL},
    {"VendorKeysNv", VENDOR, HF_FORM_BOOLEAN, NV_BS | HF_VAR_TIME_AUTHENTICATED, HF_PART_KEYS, EDK2_AUTH, NULL},
    {"Boot####", GLOBAL, HF_FORM_LOAD_OPTION, NV_BS_RT, HF_PART_BOOT, UEFI_OPTION, NULL},
    {"Driver####", GLOBAL, HF_FORM_LOAD_OPTION, NV_BS_RT, HF_PART_BOOT, UEFI_OPTION, NULL},
    {"SysPrep####", GLOBAL, HF_FORM_LOAD_OPTION, NV_BS_RT, HF_PART_BOOT, UEFI_OPTION, NULL},
    {"PlatformRecovery####", GLOBAL, HF_FORM_VOLATILE, 0, HF_PART_OTHER, UEFI_GLOBAL, NULL},
    {"OsRecoveryOrder", GLOBAL, HF_FORM_ANY, BY_KEY, HF_PART_BOOT, UEFI_GLOBAL, NULL},
    {"BootOrder", GLOBAL, HF_FORM_ORDER, NV_BS_RT, HF_PART_BOOT, UEFI_ORDER, NULL},
    {"DriverOrder", GLOBAL, HF_FORM_ORDER, NV_BS_RT, HF_PART_BOOT, UEFI_ORDER, NULL},
    {"SysPrepOrder", GLOBAL, HF_FORM_ORDER, NV_BS_RT, HF_PART_BOOT, UEFI_ORDER, NULL},
    {"BootNext", GLOBAL, HF_FORM_NEXT, NV_BS_RT, HF_PART_BOOT, UEFI_ORDER, NULL},
    {"Key####", GLOBAL, HF_FORM_KEY_OPTION, NV_BS_RT, HF_PART_BOOT, UEFI_HOTKEY, NULL},
    {"Timeout", GLOBAL, HF_FORM_U16, NV_BS_RT, HF_PART_BOOT, UEFI_GLOBAL, NULL},
    {"ConIn", GLOBAL, HF_FORM_DEVICE_PATH, NV_BS_RT, HF_PART_OTHER, UEFI_GLOBAL, NULL},
    {"ConOut", GLOBAL, HF_FORM_DEVICE_PATH, NV_BS_RT, HF_PART_OTHER, UEFI_GLOBAL, NULL},
    {"ErrOut", GLOBAL, HF_FORM_DEVICE_PATH, NV_BS_RT, HF_PART_OTHER, UEFI_GLOBAL, NULL},
    {"Lang", GLOBAL, HF_FORM_TEXT, NV_BS_RT, HF_PART_OTHER, UEFI_GLOBAL, NULL},
    {"PlatformLang", GLOBAL, HF_FORM_TEXT, NV_BS_RT, HF_PART_OTHER, UEFI_GLOBAL, NULL},
    {"OsIndications", GLOBAL, HF_FORM_U64, NV_BS_RT, HF_PART_OTHER, UEFI_GLOBAL, NULL},
    {"MTC", MTC, HF_FORM_U32, NV_BS_RT, HF_PART_OTHER, EDK2_MTC, NULL},
    {"AuditMode", GLOBAL, HF_FORM_VOLATILE, 0, HF_PART_OTHER, UEFI_GLOBAL, NULL},
    {"BootCurrent", GLOBAL, HF_FORM_VOLATILE, 0, HF_PART_OTHER, UEFI_GLOBAL, NULL},
    {"BootOptionSupport", GLOBAL, HF_FORM_VOLATILE, 0, HF_PART_OTHER, UEFI_GLOBAL, NULL},
    {"DeployedMode", GLOBAL, HF_FORM_VOLATILE, 0, HF_PART_OTHER, UEFI_GLOBAL, NULL},
    {"LangCodes", GLOBAL, HF_FORM_VOLATILE, 0, HF_PART_OTHER, UEFI_GLOBAL, NULL},
    {"OsIndicationsSupported", GLOBAL, HF_FORM_VOLATILE, 0, HF_PART_OTHER, UEFI_GLOBAL, NULL},
    {"PlatformLangCodes", GLOBAL, HF_FORM_VOLATILE, 0, HF_PART_OTHER, UEFI_GLOBAL, NULL},
    {"SecureBoot", GLOBAL, HF_FORM_VOLATILE, 0, HF_PART_OTHER, UEFI_GLOBAL, NULL},
    {"SetupMode", GLOBAL, HF_FORM_VOLATILE, 0, HF_PART_OTHER, UEFI_GLOBAL, NULL},
    {"SignatureSupport", GLOBAL, HF_FORM_VOLATILE, 0, HF_PART_OTHER, UEFI_GLOBAL, NULL},
    {"VendorKeys", GLOBAL, HF_FORM_VOLATILE, 0, HF_PART_OTHER, UEFI_GLOBAL, NULL},
    {"MokList", SHIM, HF_FORM_SIGNATURES, NV_BS, HF_PART_KEYS, SHIM_MOK, "mok"},
    {"MokListX", SHIM, HF_FORM_SIGNATURES, NV_BS, HF_PART_KEYS, SHIM_MOK, NULL},
    {"MokSBState", SHIM, HF_FORM_U8, NV_BS, HF_PART_KEYS, SHIM_MOK, NULL},
    {"MokDBState", SHIM, HF_FORM_U8, NV_BS, HF_PART_KEYS, SHIM_MOK, NULL},
    {"MokListTrusted", SHIM, HF_FORM_U8, NV_BS, HF_PART_KEYS, SHIM_MOK, NULL},
    {"MokPolicy", SHIM, HF_FORM_U8, NV_BS, HF_PART_KEYS, SHIM_MOK, NULL},
    {"MokPWStore", SHIM, HF_FORM_ANY, NV_BS, HF_PART_KEYS, SHIM_MOK, NULL},
    {"MokNew", SHIM, HF_FORM_SIGNATURES, NV_BS_RT, HF_PART_OTHER, SHIM_ASKED, NULL},
    {"MokDel", SHIM, HF_FORM_SIGNATURES, NV_BS_RT, HF_PART_OTHER, MOKUTIL, NULL},
    {"MokXNew", SHIM, HF_FORM_SIGNATURES, NV_BS_RT, HF_PART_OTHER, MOKUTIL, NULL},
    {"MokXDel", SHIM, HF_FORM_SIGNATURES, NV_BS_RT, HF_PART_OTHER, MOKUTIL, NULL},
    {"MokAuth", SHIM, HF_FORM_ANY, NV_BS_RT, HF_PART_OTHER, SHIM_ASKED, NULL},
    {"MokPW", SHIM, HF_FORM_ANY, NV_BS_RT, HF_PART_OTHER, SHIM_ASKED, NULL},
    {"MokSB", SHIM, HF_FORM_ANY, NV_BS_RT, HF_PART_OTHER, SHIM_ASKED, NULL},
    {"MokDB", SHIM, HF_FORM_ANY, NV_BS_RT, HF_PART_OTHER, SHIM_ASKED, NULL},
    {"MokDelAuth", SHIM, HF_FORM_ANY, NV_BS_RT, HF_PART_OTHER, MOKUTIL, NULL},
    {"MokXAuth", SHIM, HF_FORM_ANY, NV_BS_RT, HF_PART_OTHER, MOKUTIL, NULL},
    {"MokXDelAuth", SHIM, HF_FORM_ANY, NV_BS_RT, HF_PART_OTHER, MOKUTIL, NULL},
    {"SbatLevel", SHIM, HF_FORM_SBAT, NV_BS, HF_PART_KEYS, SHIM_SBAT, NULL},
    {"MokListRT", SHIM, HF_FORM_VOLATILE, 0, HF_PART_OTHER, SHIM_MOK, NULL},
    {"MokListXRT", SHIM, HF_FORM_VOLATILE, 0, HF_PART_OTHER, SHIM_MOK, NULL},
    {"MokSBStateRT", SHIM, HF_FORM_VOLATILE, 0, HF_PART_OTHER, SHIM_MOK, NULL},
    {"MokListTrustedRT", SHIM, HF_FORM_VOLATILE, 0, HF_PART_OTHER, SHIM_MOK, NULL},
    {"SbatLevelRT", SHIM, HF_FORM_VOLATILE, 0, HF_PART_OTHER, SHIM_SBAT, NULL},
};

const struct hf_var_rule *hf_var_rule_at(size_t n)
{
    return n < HF_ARRAY_SIZE(rules) ? &rules[n] : NULL;
}

static bool is_hex(unsigned c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

static bool fits(char pattern, unsigned c)
{
    return pattern == '#' ? is_hex(c) : (unsigned char)pattern == c;
}

const struct hf_var_rule *hf_var_rule_of(const struct hf_var *var)
{
    for (size_t i = 0; i < HF_ARRAY_SIZE(rules); i++) {
        const struct hf_var_rule *rule = &rules[i];
        size_t n = strlen(rule->name), k = 0;

        if (!hf_guid_equal(&rule->vendor, &var->guid) || var->name_size != 2 * (n + 1))
            continue;
        while (k < n && var->name[2 * k + 1] == 0 && fits(rule->name[k], var->name[2 * k]))
            k++;
        if (k == n)
            return rule;
    }
    return NULL;
}

const struct hf_var_rule *hf_var_rule_named(const char *name)
{
    for (size_t i = 0; i < HF_ARRAY_SIZE(rules); i++) {
        size_t n = strlen(rules[i].name), k = 0;

        if (strlen(name) != n)
            continue;
        while (k < n && fits(rules[i].name[k], (unsigned char)name[k]))
            k++;
        if (k == n)
            return &rules[i];
    }
    return NULL;
}
