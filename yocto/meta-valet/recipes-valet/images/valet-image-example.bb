# An image to try the assistant in an emulator: console, assistant, simulated vehicle, tests.
#
# Must not be shipped: anybody at the console is root.

SUMMARY = "Image to try the assistant"
DESCRIPTION = "A small system with the assistant, a simulated vehicle and its tests, for an emulator."
LICENSE = "Apache-2.0 | MIT"

inherit core-image features_check

REQUIRED_DISTRO_FEATURES = "systemd"

IMAGE_FEATURES += "allow-empty-password allow-root-login empty-root-password"
IMAGE_INSTALL:append = " packagegroup-valet ${@bb.utils.contains('DISTRO_FEATURES', 'ptest', 'ptest-runner valetd-ptest', '', d)}"
