/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Code images built from edk2.
 *
 * What tells an OVMF that demands System Management Mode from one that does not: nothing outside its compressed
 * volume. Debian 12's and 13's OVMF_CODE_4M and OVMF_CODE_4M.secboot have the same uncompressed files, reset vector
 * and GUID table. Inside, at the front, lies the PEI volume, and a build with SMM_REQUIRE has the module SmmAccessPei
 * (6c0e75b4-b0b9-44d1-8210-3377d7b4e066) in it and one without has not: so in all builds of Debian 12 and 13. About a
 * megabyte has to be decompressed for that, most of it padding; the DXE core behind it tells the architecture (the
 * reset code of a 64-bit OVMF may be 32-bit).
 *
 * What tells a build that enforces Secure Boot: SecurityStubDxe (f80697e9-7fd6-4665-8646-88e33ef71dfc), the module that
 * every edk2 build asks before it runs a program, reads the variable "dbx" only where DxeImageVerificationLib is linked
 * into it. So in all builds of Debian 12 and 13, AAVMF's among them; half a megabyte more has to be decompressed.
 */
#ifndef HF_EDK2_IMAGE_H
#define HF_EDK2_IMAGE_H

#include <holdfast/flash_image.h>

/* Lists the firmware volumes. */
void hf_edk2_walk(const uint8_t *bytes, size_t size, struct hf_flash_image *image);

/* After the walk: kind, architecture, layout, SMM, version, GUID table. False when it is no edk2 code image. */
bool hf_edk2_identify(const uint8_t *bytes, size_t size, void *work, size_t work_size, struct hf_flash_image *image);

#endif
