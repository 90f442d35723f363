/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Of what a machine may be built that strangers' words describe: devices, properties of devices, switches of a machine.
 * None of them names a file, a socket, hardware or a program of the host; tests/preflight/allowed.py looks through all
 * that QEMU has for some that do. What is not listed is left out, and told, whatever a later QEMU means by it.
 *
 * Pure. Any thread.
 */
#ifndef HF_STUB_ALLOWED_H
#define HF_STUB_ALLOWED_H

#include <stdbool.h>

bool hf_stub_device_allowed(const char *driver);

/* Of any device. A ROM's name is one where it is no path. */
bool hf_stub_property_allowed(const char *property, const char *value);

/* Of -machine; '-' for '_'. */
bool hf_stub_switch_allowed(const char *key);
bool hf_stub_smbios_allowed(const char *key);

#endif
