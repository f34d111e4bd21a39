"""Small metadata documents of both versions, with what real ones have and are odd about."""

V2 = b"""<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx Version="1.0" xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx"
 xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"
 xmlns:sap="http://www.sap.com/Protocols/SAPData"><edmx:DataServices m:DataServiceVersion="2.0">
<Schema Namespace="SRV" xmlns="http://schemas.microsoft.com/ado/2008/09/edm">
 <EntityType Name="OrderType"><Key><PropertyRef Name="Order"/></Key>
  <Property Name="Order" Type="Edm.String" Nullable="false" MaxLength="10"/>
  <Property Name="Rate" Type="Edm.String" sap:filterable="false" sap:sortable="false"/>
  <Property Name="OrderedOn" Type="Edm.DateTime" sap:display-format="Date"/>
  <Property Name="Address" Type="SRV.AddressType"/>
  <NavigationProperty Name="to_Item" Relationship="SRV.Order_Item" FromRole="f" ToRole="t"/>
  <NavigationProperty Name="to_Lost" Relationship="SRV.Nowhere" FromRole="f" ToRole="t"/>
 </EntityType>
 <EntityType Name="ItemType"><Key><PropertyRef Name="Order"/><PropertyRef Name="Number"/></Key>
  <Property Name="Order" Type="Edm.String"/><Property Name="Number" Type="Edm.String"/>
  <Property Name="Quantity" Type="Edm.Decimal" Precision="13" Scale="3"/>
  <NavigationProperty Name="to_Order" Relationship="SRV.Item_Order" FromRole="f" ToRole="t"/>
 </EntityType>
 <ComplexType Name="AddressType"><Property Name="City" Type="Edm.String"/></ComplexType>
 <Association Name="Order_Item"><End Role="f" Type="SRV.OrderType" Multiplicity="1"/>
  <End Role="t" Type="SRV.ItemType" Multiplicity="*"/></Association>
 <Association Name="Item_Order"><End Role="f" Type="SRV.ItemType" Multiplicity="*"/>
  <End Role="t" Type="SRV.OrderType" Multiplicity="0..1"/></Association>
 <EntityContainer Name="SRV_Entities" m:IsDefaultEntityContainer="true">
  <EntitySet Name="Orders" EntityType="SRV.OrderType"/>
  <EntitySet Name="Items" EntityType="SRV.ItemType"/>
 </EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>"""

V4 = b"""<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="com.example.v0001" Alias="SELF" xmlns="http://docs.oasis-open.org/odata/ns/edm">
 <EnumType Name="Status"><Member Name="Open" Value="0"/></EnumType>
 <EntityType Name="Document" Abstract="true"><Key><PropertyRef Name="Number"/></Key>
  <Property Name="Number" Type="Edm.String" Nullable="false"/></EntityType>
 <EntityType Name="Order" BaseType="SELF.Document">
  <Property Name="State" Type="SELF.Status"/>
  <Property Name="Note" Type="Edm.String"/>
  <Property Name="Tags" Type="Collection(Edm.String)"/>
  <NavigationProperty Name="_Item" Type="Collection(com.example.v0001.Item)"/>
 </EntityType>
 <EntityType Name="Item"><Key><PropertyRef Name="Number"/></Key>
  <Property Name="Number" Type="Edm.Int64"/>
  <NavigationProperty Name="_Order" Type="SELF.Order"/></EntityType>
 <EntityContainer Name="Container">
  <EntitySet Name="Orders" EntityType="com.example.v0001.Order">
   <Annotation Term="Org.OData.Capabilities.V1.SortRestrictions"><Record>
    <PropertyValue Property="NonSortableProperties"><Collection>
     <PropertyPath>Note</PropertyPath></Collection></PropertyValue></Record></Annotation>
  </EntitySet>
  <EntitySet Name="Items" EntityType="SELF.Item"/>
 </EntityContainer>
 <Annotations Target="SELF.Container/Orders">
  <Annotation Term="SAP__capabilities.FilterRestrictions"><Record>
   <PropertyValue Property="NonFilterableProperties"><Collection>
    <PropertyPath>Note</PropertyPath><PropertyPath>_Item/Number</PropertyPath>
   </Collection></PropertyValue></Record></Annotation>
 </Annotations>
</Schema></edmx:DataServices></edmx:Edmx>"""
