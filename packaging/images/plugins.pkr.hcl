# For Packer 1.7 and later, which load builders as plugins ("packer init ."); they are part of earlier versions, which do not know this block.
packer {
  required_plugins {
    vagrant = {
      source  = "github.com/hashicorp/vagrant"
      version = ">= 1.1.0"
    }
  }
}
