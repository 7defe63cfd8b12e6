"""`inventory.json`: the output of `aws ec2 describe-…` for the network of the cases, in an object."""

from formats import *  # the names of the formats are the vocabulary of this table
from formats import log_format
from network import *

CREATED = "2026-11-02T09:00:00+00:00"

# log group, observed resource, traffic, format
FLOW_LOGS = [
    ("/vpc/flow-logs/default", PRODUCTION, "ALL", DEFAULT),
    ("/vpc/flow-logs/v5", PRODUCTION, "ALL", V5),
    ("/vpc/flow-logs/v5-alphabetical", PRODUCTION, "ALL", V5_ALPHABETICAL),
    ("/vpc/flow-logs/v11", PRODUCTION, "ALL", V11),
    ("/vpc/flow-logs/rejects", PRODUCTION, "ALL", REJECTS),
    ("/vpc/flow-logs/paths", PRODUCTION, "ALL", PATHS),
    ("/vpc/flow-logs/nat-gateway-example", PRODUCTION, "ALL", NAT_EXAMPLE),
    ("/vpc/flow-logs/regional-nat-gateway", REGIONAL_NAT_GATEWAY, "ALL", REGIONAL_NAT),
    ("/vpc/flow-logs/ecs", PRODUCTION, "ALL", ECS),
    # Both ends of a connection are covered only where accepted and rejected traffic of both is logged.
    ("/vpc/flow-logs/accepted-only", PRODUCTION, "ACCEPT", DEFAULT),
    ("/vpc/flow-logs/accepted-and-rejected", PRODUCTION, "ACCEPT", DEFAULT),
    ("/vpc/flow-logs/accepted-and-rejected", PRODUCTION, "REJECT", DEFAULT),
    ("/vpc/flow-logs/one-subnet", APP_A, "ALL", DEFAULT),
    # Two flow logs in a log group: equal interfaces in two formats, and different interfaces in two formats.
    ("/vpc/flow-logs/doubled", PRODUCTION, "ALL", DEFAULT),
    ("/vpc/flow-logs/doubled", APP_A, "ALL", V5),
    ("/vpc/flow-logs/two-formats", APP_A, "ALL", SHORT),
    ("/vpc/flow-logs/two-formats", APP_B, "ALL", LONG),
    ("/vpc/flow-logs/unusual", PRODUCTION, "ALL", UNUSUAL),
    ("/vpc/flow-logs/future-field", PRODUCTION, "ALL", FUTURE),
    ("/vpc/flow-logs/no-status", PRODUCTION, "ALL", NO_STATUS),
    ("/vpc/flow-logs/reason-without-action", PRODUCTION, "REJECT", REASON_WITHOUT_ACTION),
    ("/tgw/flow-logs/default", GATEWAY, None, TGW),
    ("/tgw/flow-logs/attachment", ATTACHED_PRODUCTION, None, TGW_SUBSET),
    ("/network/flow-logs/mixed", PRODUCTION, "ALL", DEFAULT),
    ("/network/flow-logs/mixed", GATEWAY, None, TGW),
]


def formats_of(log_group: str) -> list[str]:
    return [fields for group, _, _, fields in FLOW_LOGS if group == log_group]


def inventory() -> dict:
    return {
        "NetworkInterfaces": [network_interface(*row) for row in INTERFACES],
        "Vpcs": [vpc(*row) for row in VPCS],
        "Subnets": [subnet(*row) for row in SUBNETS],
        "TransitGateways": [transit_gateway()],
        "TransitGatewayAttachments": [attachment(*row) for row in ATTACHMENTS],
        "FlowLogs": [flow_log(number, *row) for number, row in enumerate(FLOW_LOGS, 1)],
    }


def tags(name: str | None) -> list[dict]:
    return [{"Key": "Name", "Value": name}] if name else []


def network_interface(identifier, kind, subnet_id, addresses, name, description, instance) -> dict:
    vpc_id, zone, zone_id = next((row[2], row[4], row[5]) for row in SUBNETS if row[0] == subnet_id)
    owner = next(row[2] for row in VPCS if row[0] == vpc_id)
    version_4 = [address for address in addresses if ":" not in address]
    interface = {
        "NetworkInterfaceId": identifier,
        "Description": description,
        "InterfaceType": kind,
        "OwnerId": owner,
        "RequesterManaged": instance is None,
        "SubnetId": subnet_id,
        "VpcId": vpc_id,
        "AvailabilityZone": zone,
        "AvailabilityZoneId": zone_id,
        "Status": "in-use",
        "PrivateIpAddress": version_4[0],
        "PrivateIpAddresses": [
            {"PrivateIpAddress": address, "Primary": index == 0} | association(address, owner)
            for index, address in enumerate(version_4)
        ],
        "Ipv6Addresses": [
            {"Ipv6Address": address, "IsPrimaryIpv6": False} for address in addresses if ":" in address
        ],
        "TagSet": tags(name),
    } | association(version_4[0], owner)
    if instance:
        interface["Attachment"] = {
            "AttachmentId": "eni-attach-" + identifier.removeprefix("eni-"),
            "DeviceIndex": 0,
            "InstanceId": instance,
            "InstanceOwnerId": owner,
            "Status": "attached",
        }
    return interface


def association(address: str, owner: str) -> dict:
    public = PUBLIC_ADDRESSES.get(address)
    return {"Association": {"IpOwnerId": owner, "PublicIp": public}} if public else {}


def vpc(identifier, name, owner, version_4, version_6) -> dict:
    return {
        "VpcId": identifier,
        "OwnerId": owner,
        "State": "available",
        "IsDefault": False,
        "CidrBlock": version_4,
        "CidrBlockAssociationSet": [{"CidrBlock": version_4, "CidrBlockState": {"State": "associated"}}],
        "Ipv6CidrBlockAssociationSet": [
            {"Ipv6CidrBlock": block, "Ipv6CidrBlockState": {"State": "associated"}} for block in [version_6] if block
        ],
        "Tags": tags(name),
    }


def subnet(identifier, name, vpc_id, version_4, zone, zone_id) -> dict:
    return {
        "SubnetId": identifier,
        "VpcId": vpc_id,
        "OwnerId": next(row[2] for row in VPCS if row[0] == vpc_id),
        "State": "available",
        "CidrBlock": version_4,
        "AvailabilityZone": zone,
        "AvailabilityZoneId": zone_id,
        "Tags": tags(name),
    }


def transit_gateway() -> dict:
    return {
        "TransitGatewayId": GATEWAY,
        "TransitGatewayArn": f"arn:aws:ec2:{REGION}:{ACCOUNT}:transit-gateway/{GATEWAY}",
        "OwnerId": ACCOUNT,
        "State": "available",
        "Description": "Between the VPCs and the office",
        "Tags": tags("core"),
    }


def attachment(identifier, name, kind, resource, owner) -> dict:
    return {
        "TransitGatewayAttachmentId": identifier,
        "TransitGatewayId": GATEWAY,
        "TransitGatewayOwnerId": ACCOUNT,
        "ResourceOwnerId": owner,
        "ResourceType": kind,
        "ResourceId": resource,
        "State": "available",
        "Tags": tags(name),
    }


def flow_log(number, log_group, resource, traffic, fields) -> dict:
    return {
        "FlowLogId": f"fl-0{number * 0x1f3a5c7d9b2e4681 % 16**16:016x}",
        "FlowLogStatus": "ACTIVE",
        "CreationTime": CREATED,
        "ResourceId": resource,
        **({"TrafficType": traffic} if traffic else {}),
        "LogDestinationType": "cloud-watch-logs",
        "LogDestination": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{log_group}:*",
        "LogGroupName": log_group,
        "LogFormat": log_format(fields),
        "MaxAggregationInterval": 60,
        "DeliverLogsStatus": "SUCCESS",
        "DeliverLogsPermissionArn": f"arn:aws:iam::{ACCOUNT}:role/flow-logs",
        "Tags": [],
    }
