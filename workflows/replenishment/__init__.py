"""What has to be bought, where and when: calculated from what systems say, by policy."""
