/* SPDX-License-Identifier: BSD-2-Clause */
#include "stub_allowed.h"

#include <stddef.h>
#include <string.h>

#include "cleanup.h"

/* clang-format off */

static const char *const devices[] = {
    "AC97", "AMDVI-PCI", "ES1370", "VGA", "ac97", "acpi-erst", "adlib", "ahci", "am53c974", "amd-iommu", "arm-smmuv3",
    "ati-vga", "bochs-display", "ccid-card-passthru", "cirrus-vga", "cs4231a", "ctucan_pci", "cxl-downstream", "cxl-rp",
    "cxl-type3", "cxl-upstream", "dc390", "e1000", "e1000-82540em", "e1000-82544gc", "e1000-82545em", "e1000e", "edu",
    "es1370", "floppy", "gus", "hda-duplex", "hda-micro", "hda-output", "hv-balloon", "hyperv-testdev", "i6300esb",
    "i8042", "i82550", "i82551", "i82557a", "i82557b", "i82557c", "i82558a", "i82558b", "i82559a", "i82559b", "i82559c",
    "i82559er", "i82562", "i82801", "i82801b11-bridge", "ib700", "ich9-ahci", "ich9-intel-hda", "ich9-usb-ehci1",
    "ich9-usb-ehci2", "ich9-usb-uhci1", "ich9-usb-uhci2", "ich9-usb-uhci3", "ich9-usb-uhci4", "ich9-usb-uhci5",
    "ich9-usb-uhci6", "ide-cd", "ide-hd", "igb", "intel-hda", "intel-iommu", "ioh3420", "ipmi-bmc-extern",
    "ipmi-bmc-sim", "isa-applesmc", "isa-cirrus-vga", "isa-debug-exit", "isa-debugcon", "isa-fdc", "isa-ide",
    "isa-ipmi-bt", "isa-ipmi-kcs", "isa-parallel", "isa-serial", "isa-vga", "ivshmem-plain", "kvaser_pci", "lsi",
    "lsi53c810", "lsi53c895a", "megasas", "megasas-gen2", "mioe3680_pci", "mptsas1068", "ne2k_isa", "ne2k_pci",
    "nec-usb-xhci", "nvdimm", "nvme", "nvme-ns", "nvme-subsys", "pc-dimm", "pc-testdev", "pci-bridge",
    "pci-bridge-seat", "pci-ipmi-bt", "pci-ipmi-kcs", "pci-ohci", "pci-serial", "pci-serial-2x", "pci-serial-4x",
    "pci-testdev", "pcie-pci-bridge", "pcie-root-port", "pcm3680_pci", "pcnet", "piix3-ide", "piix3-usb-uhci",
    "piix4-ide", "piix4-usb-uhci", "pvpanic", "pvpanic-pci", "pvscsi", "pxb", "pxb-cxl", "pxb-pcie", "qemu-xhci", "qxl",
    "qxl-vga", "ramfb", "rtl8139", "sb16", "scsi-cd", "scsi-hd", "sd-card", "sdhci-pci", "secondary-vga", "sga",
    "smbus-ipmi", "tulip", "ufs", "ufs-lu", "usb-audio", "usb-bot", "usb-braille", "usb-ccid", "usb-ehci", "usb-hub",
    "usb-kbd", "usb-mouse", "usb-net", "usb-redir", "usb-serial", "usb-storage", "usb-tablet", "usb-uas",
    "usb-wacom-tablet", "virtconsole", "virtio-vga", "virtserialport", "vmbus-bridge", "vmclock", "vmcoreinfo",
    "vmgenid", "vmmouse", "vmware-svga", "vmxnet3", "x3130-upstream", "xio3130-downstream",
};

/* "virtio-net", "virtio-net-pci", "virtio-net-pci-transitional", ... */
static const char *const virtio[] = {
    "9p", "balloon", "blk", "crypto", "gpu", "iommu", "keyboard", "mem", "mouse", "multitouch", "net", "pmem", "rng",
    "scsi", "serial", "sound", "tablet",
};
static const char *const virtio_ends[] = {"", "-device", "-pci", "-pci-non-transitional", "-pci-transitional"};

/* "Haswell-x86_64-cpu" and the like: processors that come one by one. */
static const char *const cpu_ends[] = {"-arm-cpu", "-i386-cpu", "-x86_64-cpu"};

/* Of whatever device has it: a number, a switch, a text that the guest reads, or the id of something in the machine. */
static const char *const properties[] = {
    "account-failed", "account-invalid", "acpi-index", "acpi-pci-hotplug-with-bridge-support", "acpi-root-pci-hotplug",
    "addr", "aer", "aer_log_max", "aer_max_queued", "aerl", "allow-unmapped-accesses", "always-plugged", "any_layout",
    "apic-id", "ats", "audiodev", "autonegotiation", "aw-bits", "backend_defaults", "base_year", "baudbase",
    "big-endian-framebuffer", "bios-chs-trans", "blitter", "blob", "block-size", "bmc", "boot-bypass", "bootindex",
    "bootindexA", "bootindexB", "buffer", "bus", "bus-reserve", "bus_nr", "bypass-iommu", "bypass_iommu",
    "caching-mode", "cad", "canbus", "canbus0", "canbus1", "capareg", "channel", "chardev", "chardev1", "chardev2",
    "chardev3", "chardev4", "chassis", "chassis_nr", "chmaps", "class", "cluster-id", "cmb_size_mb", "cmd_per_lun",
    "config-wce", "core-id", "cpu-hotplug-legacy", "cryptodev", "csum", "ctrl_guest_offloads", "ctrl_mac_addr",
    "ctrl_rx", "ctrl_rx_extra", "ctrl_vlan", "ctrl_vq", "cyls", "deflate-on-oom", "detached", "device-iotlb",
    "device_id", "die-id", "disable-acs", "disable-legacy", "disable-modern", "disable_s3", "disable_s4",
    "disable_vnet_hdr", "discard", "discard_granularity", "display", "dma", "dma-drain", "dma-translation", "dma16",
    "dma_enabled", "dpofua", "drive", "drive-type", "duplex", "dynamic-memslots", "edid", "eim", "emergency-write",
    "enable_tco", "eui64", "event_idx", "events", "extended-state", "extended-tseg-mbytes", "extra_mac_registers",
    "failover", "failover_pair_id", "fallback", "fdtypeA", "fdtypeB", "filter", "firstport", "force-legacy",
    "force-pcie-endcap", "free-page-hint", "free-page-reporting", "freq", "fs1gp", "fsdev", "full-path", "granule",
    "gso", "guest-stats-polling-interval", "guest_announce", "guest_csum", "guest_ecn", "guest_rsc_ext", "guest_tso4",
    "guest_tso6", "guest_ufo", "guest_uso4", "guest_uso6", "guid", "hash", "hba_serial", "hdm_for_passthrough", "head",
    "heads", "host_ecn", "host_mtu", "host_tso4", "host_tso6", "host_ufo", "host_uso", "hostmem", "hotplug",
    "hpet-intcap", "i8042", "id", "in_order", "index", "indirect_desc", "init-vet", "instanceid", "intremap", "intrs",
    "io-reserve", "iobase", "iobase2", "ioeventfd", "iommu_platform", "ioport", "iosize", "iothread", "ipmi_version",
    "irq", "kbd-throttle", "label-size", "lcyls", "lheads", "logical_block_size", "lost_tick_policy", "lsa", "lsecs",
    "lun", "mac", "master", "masterbus", "max-bytes", "max-discard-sectors", "max-write-zeroes-sectors", "max_cmds",
    "max_hostmem", "max_io_size", "max_ioqpairs", "max_outputs", "max_ports", "max_sectors", "max_sge",
    "max_unmap_size", "maxcurr", "maxframes", "mdts", "mem-reserve", "memaddr", "membar", "memdev",
    "memory-hotplug-support", "migrate-extra", "migrate_tso_props", "min_io_size", "mitigation", "mixer", "mmio",
    "model", "modern-pio-notify", "module-id", "mount_tag", "mq", "mrg_rxbuf", "msi", "msix", "msix_qsize", "msos-desc",
    "multi", "multifunction", "name", "netdev", "nguid", "node", "node-id", "noreboot", "notify_on_empty", "nqn", "nr",
    "nsid", "num-ports", "num-queues", "num_queues", "numa_node", "old_msi_addr", "opt_io_size", "p2", "p3", "packed",
    "page-per-vq", "page-poison", "param_change", "pci-hole64-size", "period", "persistent-memdev",
    "physical_block_size", "pmrdev", "port", "port_index", "port_wwn", "ports", "power_controller_present", "prealloc",
    "pref32-reserve", "pref64-reserve", "primary-bus", "product", "product_id", "prog_if", "pt", "qemu-extended-regs",
    "queue-size", "queue_reset", "ram_size", "ram_size_mb", "readback", "record_size", "refresh_rate", "removable",
    "report-discard-granularity", "request-merging", "requested-size", "rerror", "revision", "rng", "rombar", "romsize",
    "rotation_rate", "rsc_interval", "rss", "rx_queue_size", "s4_val", "sas_address", "scsi", "scsi-id", "scsi_version",
    "sd-spec-version", "secs", "secure", "seg-max-adjust", "seg_max_adjust", "serial", "share-rw", "shared",
    "short_root_bus", "shpc", "size", "slave_addr", "slot", "slots", "smbase-smram", "smm-compat", "sn",
    "snoop-control", "socket-id", "speed", "spi", "stage", "status", "streams", "subsys", "subsys_ven",
    "superspeed-ports-first", "surfaces", "thread-id", "timers", "tx", "tx_queue_size", "unarmed", "unit",
    "unplugged-inaccessible", "usb_version", "use-intel-id", "use_jbod", "use_msg", "uuid", "vectors", "vendor", "ver",
    "version", "vgamem", "vgamem_mb", "virtqueue_size", "vmware-vmx-type", "vmware-vmx-version", "volatile-memdev",
    "vram64_size_mb", "vram_size", "vram_size_mb", "wakeup", "werror", "wheel-axis", "write-cache", "write-zeroes",
    "wwn", "x-ats-page-aligned", "x-disable-pcie", "x-do-not-expose-native-hotplug-cap", "x-file-slots",
    "x-keep-pci-slot-hpc", "x-mtu-bypass-backend", "x-native-hotplug", "x-pci-hole64-fix", "x-pcie-extcap-init",
    "x-scalable-mode", "x-smi-broadcast", "x-smi-cpu-hotplug", "x-smi-cpu-hotunplug", "x-speed", "x-txburst",
    "x-txtimer", "x-width", "xmax", "xres", "xtsup", "ymax", "yres", "zoned",
};

/* Of -machine. */
static const char *const switches[] = {
    "acpi", "audiodev", "compact-highmem", "cxl", "default-bus-bypass-iommu", "dtb-kaslr-seed", "dtb-randomness",
    "dump-guest-core", "fd-bootchk", "gic-version", "graphics", "highmem", "highmem-ecam", "highmem-mmio",
    "highmem-mmio-size", "highmem-redists", "hmat", "hpet", "i8042", "iommu", "its", "max-fw-size", "max-ram-below-4g",
    "mem-merge", "memory-backend", "mte", "nvdimm", "nvdimm-persistence", "oem-id", "oem-table-id", "pcspk-audiodev",
    "pic", "pit", "ras", "sata", "secure", "smbus", "smm", "suppress-vmdesc", "usb", "virtualization", "vmport",
    "x-oem-id", "x-oem-table-id",
};

/* Of -smbios. */
static const char *const smbios[] = {
    "asset", "bank", "connector_type", "current-speed", "current_usage", "date", "designation", "external_reference",
    "family", "instance", "internal_reference", "kind", "loc_pfx", "location", "manufacturer", "max-speed", "part",
    "pci_device", "pcidev", "port_type", "processor-family", "processor-id", "product", "release", "serial", "sku",
    "slot_characteristics1", "slot_characteristics2", "slot_data_bus_width", "slot_designation", "slot_id",
    "slot_length", "slot_type", "sock_pfx", "speed", "type", "uefi", "uuid", "value", "vendor", "version", "vm",
};
/* clang-format on */

static bool is_in(const char *word, const char *const *list, size_t count)
{
    while (count && strcmp(word, list[count - 1]) != 0)
        count--;
    return count != 0;
}

#define IS_IN(word, list) is_in(word, list, HF_ARRAY_SIZE(list))

static bool ends_so(const char *word, const char *end)
{
    size_t n = strlen(word), k = strlen(end);

    return n > k && !strcmp(word + n - k, end);
}

static bool is_virtio(const char *driver)
{
    if (strncmp(driver, "virtio-", 7) != 0)
        return false;
    for (size_t i = 0; i < HF_ARRAY_SIZE(virtio); i++) {
        size_t n = strlen(virtio[i]);

        if (strncmp(driver + 7, virtio[i], n) == 0 && IS_IN(driver + 7 + n, virtio_ends))
            return true;
    }
    return false;
}

bool hf_stub_device_allowed(const char *driver)
{
    for (size_t i = 0; i < HF_ARRAY_SIZE(cpu_ends); i++) {
        if (ends_so(driver, cpu_ends[i]))
            return true;
    }
    return IS_IN(driver, devices) || is_virtio(driver);
}

bool hf_stub_property_allowed(const char *property, const char *value)
{
    if (!strcmp(property, "romfile"))
        return strchr(value, '/') == NULL;
    return IS_IN(property, properties);
}

bool hf_stub_switch_allowed(const char *key)
{
    return IS_IN(key, switches);
}

bool hf_stub_smbios_allowed(const char *key)
{
    return IS_IN(key, smbios);
}
