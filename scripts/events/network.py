"""The network of the cases: ids by name, and the tables for the inventory."""

REGION = "eu-central-1"
ACCOUNT = "123456789012"
OTHER_ACCOUNT = "210987654321"

PRODUCTION = "vpc-0b7e4c1d9f2a83650"
STAGING = "vpc-05c9a2e84f17b3d60"

# id, name, owner, IPv4, IPv6
VPCS = [
    (PRODUCTION, "shop-production", ACCOUNT, "10.20.0.0/16", "2001:db8:20::/56"),
    (STAGING, "shop-staging", OTHER_ACCOUNT, "10.40.0.0/16", None),
]

PUBLIC_A = "subnet-0a3d5f7190b2c4e68"
APP_A = "subnet-0c1e3a5072b4d6f89"
APP_B = "subnet-0d2f4b6183c5e7a90"
DATA_A = "subnet-0e4a6c8294d6f8b01"
TRANSIT_A = "subnet-0f5b7d93a5e709c12"
STAGING_A = "subnet-01a2c4e6f8091b3d5"
STAGING_TRANSIT_A = "subnet-02b3d5f7091a2c4e6"

# id, name, VPC, IPv4, zone, zone id
SUBNETS = [
    (PUBLIC_A, "public-a", PRODUCTION, "10.20.0.0/24", "eu-central-1a", "euc1-az2"),
    (APP_A, "app-a", PRODUCTION, "10.20.1.0/24", "eu-central-1a", "euc1-az2"),
    (APP_B, "app-b", PRODUCTION, "10.20.2.0/24", "eu-central-1b", "euc1-az3"),
    (DATA_A, "data-a", PRODUCTION, "10.20.3.0/24", "eu-central-1a", "euc1-az2"),
    (TRANSIT_A, "transit-a", PRODUCTION, "10.20.255.0/28", "eu-central-1a", "euc1-az2"),
    (STAGING_A, "staging-app-a", STAGING, "10.40.1.0/24", "eu-central-1a", "euc1-az2"),
    (STAGING_TRANSIT_A, "staging-transit-a", STAGING, "10.40.255.0/28", "eu-central-1a", "euc1-az2"),
]

WEB = "eni-0a9b8c7d6e5f40312"  # 10.20.0.10
APP_1 = "eni-0b2d4f6a8c0e13579"  # 10.20.1.20
APP_2 = "eni-0c3e5071b9d2f468a"  # 10.20.2.20
ORDERS = "eni-0d4f6182cae3057b9"  # 10.20.3.30
NAT = "eni-0e507293dbf4168ca"  # 10.20.0.220
BALANCER = "eni-0f6183a4ec05279db"  # 10.20.0.80
ENDPOINT = "eni-017294b5fd1638aec"  # 10.20.1.90
CART = "eni-0283a5c60e2749bfd"  # 10.20.1.41
SEARCH = "eni-0394b6d71f385ac0e"  # 10.20.2.42
TRANSIT = "eni-04a5c7e820496bd1f"  # 10.20.255.5
STAGING_1 = "eni-05b6d8f9315a7ce20"  # 10.40.1.15
STAGING_TRANSIT = "eni-06c7e90a426b8df31"  # 10.40.255.5

GATEWAY = "tgw-0f1e2d3c4b5a69788"
ATTACHED_PRODUCTION = "tgw-attach-0a1c3e5b7d9f02468"
ATTACHED_STAGING = "tgw-attach-0b2d4f6c8ea013579"
ATTACHED_VPN = "tgw-attach-0c3e507d9f1b2468a"
NAT_GATEWAY = "nat-0d1f3b5c7e9a02468"
REGIONAL_NAT_GATEWAY = "nat-1e2a4c6d8f0b13579"
VPN = "vpn-0e4a6c8b0d2f13579"

# id, type, subnet, addresses (the first is the primary one), name tag, description, instance
INTERFACES = [
    (WEB, "interface", PUBLIC_A, ["10.20.0.10", "10.20.0.11", "2001:db8:20::10"], "web-1", "Primary network interface", "i-0f1e2d3c4b5a69780"),
    (APP_1, "interface", APP_A, ["10.20.1.20", "2001:db8:20:1::20"], "app-1", "Primary network interface", "i-0e0d1c2b3a4958677"),
    (APP_2, "interface", APP_B, ["10.20.2.20", "10.20.2.21", "2001:db8:20:2::20"], "app-2", "Primary network interface", "i-0dfc0b1a293847566"),
    (ORDERS, "interface", DATA_A, ["10.20.3.30"], None, "RDSNetworkInterface", None),
    (NAT, "nat_gateway", PUBLIC_A, ["10.20.0.220"], "nat-a", f"Interface for NAT Gateway {NAT_GATEWAY}", None),
    (BALANCER, "network_load_balancer", PUBLIC_A, ["10.20.0.80"], None, "ELB net/shop/8d4f6a2c0e1b3579", None),
    (ENDPOINT, "vpc_endpoint", APP_A, ["10.20.1.90"], "secretsmanager", "VPC Endpoint Interface vpce-0a2c4e6f8091b3d57", None),
    (CART, "interface", APP_A, ["10.20.1.41"], "cart", f"arn:aws:ecs:{REGION}:{ACCOUNT}:attachment/5f0c1a2b-3d4e-4f60-8172-93a4b5c6d7e8", None),
    (SEARCH, "interface", APP_B, ["10.20.2.42"], "search", f"arn:aws:ecs:{REGION}:{ACCOUNT}:attachment/6a1d2b3c-4e5f-4071-9283-a4b5c6d7e8f9", None),
    (TRANSIT, "transit_gateway", TRANSIT_A, ["10.20.255.5"], None, f"Network Interface for Transit Gateway Attachment {ATTACHED_PRODUCTION}", None),
    (STAGING_1, "interface", STAGING_A, ["10.40.1.15"], "staging-1", "Primary network interface", "i-0cebfa0918273645f"),
    (STAGING_TRANSIT, "transit_gateway", STAGING_TRANSIT_A, ["10.40.255.5"], None, f"Network Interface for Transit Gateway Attachment {ATTACHED_STAGING}", None),
]

# The Elastic IP addresses, by private address.
PUBLIC_ADDRESSES = {"10.20.0.10": "198.51.100.10", "10.20.0.220": "198.51.100.220", "10.20.0.80": "198.51.100.80"}

# id, name, kind, id and owner of the attached resource
ATTACHMENTS = [
    (ATTACHED_PRODUCTION, "production", "vpc", PRODUCTION, ACCOUNT),
    (ATTACHED_STAGING, "staging", "vpc", STAGING, OTHER_ACCOUNT),
    (ATTACHED_VPN, "office", "vpn", VPN, ACCOUNT),
]
