# An image with NEMEA for VirtualBox or libvirt, from the same provisioning as the Vagrantfile: packer init . && packer build .
variable "provider" {
  type    = string
  default = "virtualbox"
}

source "vagrant" "nemea" {
  communicator = "ssh"
  source_path  = "debian/bookworm64"
  provider     = var.provider
  add_force    = true
}

build {
  sources = ["source.vagrant.nemea"]

  provisioner "shell" {
    inline = ["sudo mkdir -p /packages && sudo chmod 777 /packages"]
  }
  provisioner "file" {
    sources     = [for name in fileset("${path.root}/../../build-package", "*.deb") : "${path.root}/../../build-package/${name}"]
    destination = "/packages/"
  }
  provisioner "shell" {
    script          = "${path.root}/provision.sh"
    execute_command = "sudo sh {{ .Path }}"
  }
}
